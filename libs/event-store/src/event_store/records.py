"""What a store holds and answers: stream names, events, positions, and the ways an append can fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from typing_extensions import override

NO_STREAM: Final = -1
"""The expected revision of a stream that must not exist yet."""


class Cursor(NamedTuple):
    """A place in the order of all events of one store.

    Cursors of one store compare; nothing else may be read out of them. The text form has a fixed width, so that
    texts compare as their cursors do: it is what checkpoints, position tokens and bus envelopes carry.
    """

    major: int
    minor: int

    @override
    def __str__(self) -> str:
        return f"{self.major:016x}{self.minor:016x}"

    @staticmethod
    def parse(text: str) -> "Cursor":
        """Read the text form; `""` is the beginning. Raises ValueError for anything else."""
        if text == "":
            return START
        if len(text) != 32:
            raise ValueError("a position has 32 hexadecimal digits")
        return Cursor(int(text[:16], 16), int(text[16:], 16))


START: Final = Cursor(0, 0)
"""Before the first event of any store."""


class StreamName(msgspec.Struct, frozen=True, gc=False):
    """The stream of one aggregate of one tenant; text form `<category>-<tenant>.<key>`.

    A tenant has no dot and a category ends before `-<tenant>`, so the text form is unique for its parts.
    """

    category: str
    tenant: str
    key: str

    @override
    def __str__(self) -> str:
        return f"{self.category}-{self.tenant}.{self.key}"


class Metadata(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Who, for whom, when, why: stored beside every event (OPS-02).

    `actor` is who acted (`account:<id>`, `service:<name>`), `subject` the person it is about, `time` the instant of
    the command, `correlation` the whole story, `causation` the event or command that led here, `traceparent` a W3C
    trace context, `policy` the version of the tenant's policies when a policy decided.
    """

    tenant: str
    actor: str
    role: str
    time: datetime
    correlation: UUID
    causation: UUID | None = None
    subject: str | None = None
    traceparent: str | None = None
    policy: int | None = None


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event on its way into a store. `type` is the stored name with its version, `data` and `metadata` JSON."""

    id: UUID
    type: str
    data: bytes
    metadata: bytes


_METADATA: Final = msgspec.json.Decoder(Metadata)


class RecordedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as stored: the exact bytes, and where they stand."""

    id: UUID
    stream: str
    revision: int
    type: str
    data: bytes
    metadata: bytes
    major: int
    minor: int

    @property
    def cursor(self) -> Cursor:
        """Where it stands in the order of all events."""
        return Cursor(self.major, self.minor)

    def meta(self) -> Metadata:
        """Decode the metadata (not done on hot paths that do not need it)."""
        return _METADATA.decode(self.metadata)

    def key(self, category: str) -> str:
        """The aggregate's key, given the category of its stream."""
        return self.stream[len(category) + 1 :].partition(".")[2]


@cache
def family(stored_name: str) -> str:
    """The stored name of an event type without its version, `Noted` for `Noted.v2`."""
    return stored_name.partition(".v")[0]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to read: of any of the categories and of any of the families; empty means all.

    A family is an event type in whatever version: a newer process may write one already that the reader does not know,
    and whoever passed it over would have lost it for ever.
    """

    categories: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()

    def wants(self, stored_name: str) -> bool:
        """Whether it is of one of the families."""
        return not self.families or family(stored_name) in self.families


EVERYTHING: Final = EventFilter()


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and where to go on.

    `cursor` is at or behind the last event, also when a filter passed events over. `caught_up` says that this was
    all there was when the page was read.
    """

    events: Sequence[RecordedEvent]
    cursor: Cursor
    caught_up: bool


@dataclass(frozen=True, slots=True)
class Appended:
    """An accepted append: the stream's revision after it, and the place of its last event.

    `repeated` says that the store had the same ids there already: what it holds is the first batch, byte for byte.
    """

    revision: int
    cursor: Cursor
    repeated: bool = False


class AppendConflict(Exception):
    """The stream is not at the expected revision."""

    def __init__(self, stream: StreamName, expected: int, actual: int) -> None:
        super().__init__(f"{stream}: expected revision {expected}, actual {actual}")
        self.stream, self.expected, self.actual = stream, expected, actual


class IdempotencyViolation(Exception):
    """Some ids of the batch are already at this place of the stream, but not the same batch."""


class StreamDeleted(Exception):
    """An operator deleted the stream, or cut off its beginning. It is neither empty nor writable: what was decided on
    it is not to be decided again, so nothing goes on before somebody has looked at it.
    """

    def __init__(self, stream: StreamName) -> None:
        super().__init__(str(stream))
        self.stream = stream


class StoreRefused(ValueError):
    """The store does not let this user in, or not do what it must; asking again does not help.

    Says in one line what is missing, and never repeats an address.
    """


class StoreUnavailable(Exception):
    """The store cannot be reached or answered too late; whether an append happened is unknown, so retry it as is."""

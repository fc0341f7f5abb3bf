"""Sample events, and a watch that remembers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_OID, uuid5

import msgspec

from event_store import Cursor, Metadata
from messaging.bus import Topic
from messaging.envelope import Envelope
from messaging.inbox import Flow

__all__ = [
    "TOPIC",
    "Counted",
    "Ledger",
    "NowClock",
    "QuietWatch",
    "envelope",
    "envelopes",
    "position",
]

TOPIC: Final = Topic("booking.events", partitions=4)


@dataclass(frozen=True, slots=True)
class Counted:
    """The sample public event."""

    number: int

    @classmethod
    def type_name(cls) -> str:
        """See PublicEventLike."""
        return "Counted.v1"

    @classmethod
    def model_validate_json(cls, json_data: bytes) -> "Counted":
        """See PublicEventLike."""
        return msgspec.json.decode(json_data, type=cls)

    def model_dump_json(self) -> str:
        """See PublicEventLike."""
        return msgspec.json.encode(self).decode()


class NowClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """See Clock."""
        return datetime(2026, 1, 3, tzinfo=UTC)


def position(number: int) -> str:
    """The place of event `number` in its store."""
    return str(Cursor(7, number))


def envelope(number: int, *, key: str = "a", data: bytes | None = None) -> Envelope:
    """Event `number` (from 1) of the sample source, about stream `key`."""
    identity = uuid5(NAMESPACE_OID, str(number))
    return Envelope(
        id=identity,
        source="booking",
        type="Counted.v1",
        key=f"counter-north.{key}",
        position=position(number),
        data=data if data is not None else b'{"number":%d}' % number,
        metadata=Metadata(
            tenant="north",
            actor="account:1",
            role="patient",
            time=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            correlation=identity,
        ),
    )


def envelopes(
    count: int, *, first: int = 1, key: Callable[[int], str] = lambda number: f"k{number % 7}"
) -> list[Envelope]:
    """`count` events from number `first` on, over the keys that `key` gives."""
    return [envelope(number, key=key(number)) for number in range(first, first + count)]


class Ledger:
    """What was handled, in the order in which it was."""

    def __init__(self) -> None:
        self.positions: list[tuple[str, str]] = []

    def note(self, handled: Envelope) -> None:
        """Remember an event."""
        self.positions.append((handled.key, handled.position))

    def of(self, key: str) -> list[int]:
        """The numbers of the events of `key`, as handled."""
        return [
            Cursor.parse(place).minor
            for stream, place in self.positions
            if stream == f"counter-north.{key}"
        ]

    def all(self) -> list[int]:
        """The numbers of all events, sorted."""
        return sorted(Cursor.parse(place).minor for _, place in self.positions)

    def assert_in_order(self, published: Sequence[Envelope]) -> None:
        """Each event of each key was handled, first time before the first time of the next."""
        for key in {each.key for each in published}:
            expected = [each.position for each in published if each.key == key]
            firsts = list(dict.fromkeys(place for stream, place in self.positions if stream == key))
            assert firsts == expected


class QuietWatch:
    """A watch that remembers what it was told."""

    def __init__(self) -> None:
        self.lags: dict[Flow, int] = {}
        self.rejections: list[str] = []
        self.failures: list[tuple[str, int]] = []
        self.quarantined: list[str] = []
        self.stalls: list[str] = []
        self.stored: list[str] = []
        self.count = 0

    def handled(self, flow: Flow, count: int) -> None:
        """See Watch."""
        self.count += count

    def lag(self, flow: Flow, behind: int) -> None:
        """See Watch."""
        self.lags[flow] = behind

    def relayed(self, types: Iterable[str]) -> None:
        """See Watch."""
        self.stored += types

    def rejected(self, consumer: str, envelope: Envelope, code: str) -> None:
        """See Watch."""
        self.rejections.append(code)

    def failed(self, consumer: str, envelope: Envelope, error: BaseException, attempt: int) -> None:
        """See Watch."""
        self.failures.append((envelope.key, attempt))

    def parked(self, consumer: str, key: str, *, quarantined: bool) -> None:
        """See Watch."""
        if quarantined:
            self.quarantined.append(key)

    def stalled(self, flow: Flow, error: BaseException) -> None:
        """See Watch."""
        self.stalls.append(type(error).__name__)

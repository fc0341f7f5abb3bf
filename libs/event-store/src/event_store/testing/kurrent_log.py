"""A test instrument: the log of KurrentDB as far as `event_store.kurrent` can see it, in memory, without a server.

It reproduces what the adapter must live with: strong idempotency by event id at an explicit revision, none at the
current one, soft deletions that let a stream begin anew, positions in `$all` that grow but are not dense. It is no
database and never a way to run the suite.
"""

import json
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

ANY: Final = -2
EXISTS: Final = -4
NO_STREAM: Final = -1
DELETED: Final = 2**63 - 1

_FIRST_POSITION: Final = 1_000
_OVERHEAD: Final = 150
_SYSTEM: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An event on its way into the log."""

    id: UUID
    type: str
    content_type: str
    data: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A record of the log. `position` is its commit and its prepare position; `created` in seconds since 1970."""

    event: Proposal
    stream: str
    revision: int
    position: int
    created: float


class WrongExpectedVersion(Exception):
    """`actual` is the last revision, NO_STREAM without one."""

    def __init__(self, actual: int) -> None:
        super().__init__(actual)
        self.actual = actual


class Tombstoned(Exception):
    """The stream was deleted for good."""


class NotThere(Exception):
    """The stream was never there, or was deleted softly."""


class Log:
    """All records in one list, and each stream as a list of the same records."""

    def __init__(self) -> None:
        self.records: list[Stored] = []
        self.looked_at = 0
        """How many records reads of all streams had to look at, those that no filter let through too."""
        self._streams: dict[str, list[Stored]] = defaultdict(list)
        self._tombstones: set[str] = set()
        self._end = _FIRST_POSITION

    def append(self, stream: str, events: Sequence[Proposal], expected: int) -> Stored:
        """The last record of the batch, also when it was there already.

        The table of `IndexWriter.CheckCommit` for explicit revisions; `ANY` is for metadata and knows no repeats.
        Raises WrongExpectedVersion, Tombstoned.
        """
        if stream in self._tombstones:
            raise Tombstoned(stream)
        there = self._streams[stream]
        actual = len(there) - 1
        if expected in {ANY, actual} or (expected == EXISTS and there):
            return self._write(stream, events)
        if 0 <= expected + 1 <= actual:
            known = there[expected + 1 : expected + 1 + len(events)]
            if [record.event.id for record in known] == [event.id for event in events]:
                return known[-1]
            corrupted = known[0].event.id == events[0].id
            if expected == NO_STREAM and self._is_soft_deleted(stream) and not corrupted:
                return self._write(stream, events)
        raise WrongExpectedVersion(actual)

    def delete(self, stream: str, *, for_good: bool = False) -> int:
        """Delete softly, or leave a tombstone; its position. Raises NotThere, Tombstoned."""
        self._visible(stream)
        if for_good:
            self._tombstones.add(stream)
            return self._write(f"$${stream}", [_system("$streamDeleted", {})]).position
        return self._truncate(stream, DELETED).position

    def read_stream(
        self, stream: str, place: int | None, limit: int, *, backwards: bool
    ) -> list[Stored]:
        """From revision `place` (None: from either end). Raises NotThere, Tombstoned."""
        visible = self._visible(stream)
        if backwards:
            records = [r for r in reversed(visible) if place is None or r.revision <= place]
        else:
            records = [r for r in visible if r.revision >= (place or 0)]
        return records[:limit]

    def read_all(
        self,
        position: int | None,
        fits: Callable[[Stored], bool],
        limit: int,
        *,
        backwards: bool,
    ) -> list[Stored]:
        """From the record at `position`, itself too when it goes forwards (None: from either end)."""
        at = (
            None
            if position is None
            else bisect_left(self.records, position, key=lambda record: record.position)
        )
        chosen: list[Stored] = []
        for record in reversed(self.records[:at]) if backwards else self.records[at:]:
            if len(chosen) == limit:
                break
            self.looked_at += 1
            if fits(record):
                chosen.append(record)
        return chosen

    def _write(self, stream: str, events: Sequence[Proposal]) -> Stored:
        there = self._streams[stream]
        revived = self._is_soft_deleted(stream)
        if revived:
            self._truncate(stream, len(there))
        for event in events:
            record = Stored(event, stream, len(there), self._end, time.time())
            self._end += _OVERHEAD + len(event.data) + len(event.metadata)
            there.append(record)
            self.records.append(record)
        return there[-1]

    def _truncate(self, stream: str, before: int) -> Stored:
        metadata = self._metadata(stream) | {"$tb": before}
        return self._write(f"$${stream}", [_system("$metadata", metadata)])

    def _metadata(self, stream: str) -> dict[str, int]:
        records = self._streams.get(f"$${stream}")
        metadata: dict[str, int] = json.loads(records[-1].event.data) if records else {}
        return metadata

    def _is_soft_deleted(self, stream: str) -> bool:
        return self._metadata(stream).get("$tb") == DELETED

    def _visible(self, stream: str) -> list[Stored]:
        if stream in self._tombstones:
            raise Tombstoned(stream)
        if stream not in self._streams or self._is_soft_deleted(stream):
            raise NotThere(stream)
        metadata = self._metadata(stream)
        before, age = metadata.get("$tb", 0), metadata.get("$maxAge")
        oldest = 0.0 if age is None else time.time() - age
        return [r for r in self._streams[stream] if r.revision >= before and r.created >= oldest]


def _system(name: str, data: dict[str, int]) -> Proposal:
    return Proposal(
        uuid5(_SYSTEM, f"{name}{time.monotonic_ns()}"),
        name,
        "application/json",
        json.dumps(data).encode(),
        b"",
    )

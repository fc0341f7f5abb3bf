"""The event store in memory: for tests, and the plainest statement of the port's semantics."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from event_store.records import (
    EVERYTHING,
    NO_STREAM,
    START,
    AppendConflict,
    Appended,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    NewEvent,
    Page,
    RecordedEvent,
    StreamName,
)
from event_store.snapshots import Snapshot

__all__ = ["MemoryEventStore", "MemorySnapshotStore"]

_PAGE = 500


class MemoryEventStore:
    """All events in one list; a stream is the places of its events in it."""

    def __init__(self) -> None:
        self._events: list[RecordedEvent] = []
        self._categories: list[str] = []
        self._streams: dict[StreamName, list[int]] = {}
        self._ids: set[UUID] = set()
        self._news = asyncio.Condition()

    async def append(
        self, stream: StreamName, events: Sequence[NewEvent], *, expected: int
    ) -> Appended:
        """See the port."""
        if not events:
            raise ValueError("an append has at least one event")
        places = self._streams.get(stream, [])
        actual = len(places) - 1
        there = [self._events[place] for place in places[expected + 1 : expected + 1 + len(events)]]
        if there and [event.id for event in there] == [event.id for event in events]:
            return Appended(there[-1].revision, there[-1].cursor, repeated=True)
        if {event.id for event in there} & {event.id for event in events}:
            raise IdempotencyViolation(str(stream))
        if actual != expected:
            raise AppendConflict(stream, expected, actual)
        ids = {event.id for event in events}
        if len(ids) < len(events) or not ids.isdisjoint(self._ids):
            raise IdempotencyViolation(str(stream))
        self._ids |= ids
        self._streams[stream] = places
        for offset, event in enumerate(events, start=1):
            place = len(self._events)
            places.append(place)
            self._categories.append(stream.category)
            self._events.append(
                RecordedEvent(
                    event.id,
                    str(stream),
                    expected + offset,
                    event.type,
                    event.data,
                    event.metadata,
                    0,
                    place + 1,
                )
            )
        async with self._news:
            self._news.notify_all()
        return Appended(expected + len(events), self._events[-1].cursor)

    async def read_stream(
        self,
        stream: StreamName,
        *,
        after: int = NO_STREAM,
        backwards: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """See the port."""
        places = self._streams.get(stream, [])[after + 1 :]
        if backwards:
            places = places[::-1]
        for start in range(0, len(places[:limit]), _PAGE):
            yield [self._events[place] for place in places[:limit][start : start + _PAGE]]

    async def read_all(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """See the port."""
        end = len(self._events)
        place = bisect_right(self._events, after, hi=end, key=lambda event: event.cursor)
        while True:
            upto = min(place + page_size, end)
            events = [
                self._events[index] for index in range(place, upto) if self._fits(index, where)
            ]
            cursor = self._events[upto - 1].cursor if upto > 0 and upto > place else after
            yield Page(events, cursor, upto == end)
            if upto == end:
                return
            place, after = upto, cursor

    async def subscribe(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """See the port."""
        while True:
            async for page in self.read_all(after=after, where=where, page_size=page_size):
                after = page.cursor
                yield page
            async with self._news:
                while self._end() <= after:
                    await self._news.wait()

    async def position(self) -> Cursor:
        """See the port."""
        return self._end()

    async def horizon(self) -> Cursor:
        """See the port."""
        return self._end()

    def _end(self) -> Cursor:
        return self._events[-1].cursor if self._events else START

    def _fits(self, index: int, where: EventFilter) -> bool:
        return (not where.categories or self._categories[index] in where.categories) and (
            where.wants(self._events[index].type)
        )


class MemorySnapshotStore:
    """Snapshots in a dictionary."""

    def __init__(self) -> None:
        self._snapshots: dict[StreamName, tuple[str, Snapshot]] = {}

    async def load(self, stream: StreamName, schema: str) -> Snapshot | None:
        """See the port."""
        kept_schema, snapshot = self._snapshots.get(stream, ("", None))
        return snapshot if kept_schema == schema else None

    async def save(self, stream: StreamName, schema: str, snapshot: Snapshot) -> None:
        """See the port."""
        kept = await self.load(stream, schema)
        if kept is None or kept.revision < snapshot.revision:
            self._snapshots[stream] = schema, snapshot

"""The event store port. Every adapter passes `event_store.testing`."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from event_store.records import (
    EVERYTHING,
    NO_STREAM,
    START,
    Appended,
    Cursor,
    EventFilter,
    NewEvent,
    Page,
    RecordedEvent,
    StreamName,
)


class EventStore(Protocol):
    """Streams of events with optimistic concurrency, and one order over all of them."""

    async def append(
        self, stream: StreamName, events: Sequence[NewEvent], *, expected: int
    ) -> Appended:
        """Append all or nothing at `expected` (a revision from 0, or NO_STREAM).

        The same event ids sent again with the same `expected` are a success and give the first answer.
        Raises AppendConflict with the actual revision, IdempotencyViolation when part of the batch is there
        already in another form (or, where an adapter knows every id, elsewhere in the store), StoreUnavailable when
        the outcome is unknown, StoreRefused when the user lacks a right, StreamDeleted where operators can delete
        streams. A cancelled call has appended everything or nothing. `events` must not be empty.
        """
        ...

    def read_stream(
        self,
        stream: StreamName,
        *,
        after: int = NO_STREAM,
        backwards: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """Pages of one stream, forwards from behind revision `after`; or backwards from the newest event down to,
        and not including, `after`. At most `limit` events. An unknown stream has no pages.
        """
        ...

    def read_all(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """Pages of all streams in order, up to what is there now; the last page has `caught_up`."""
        ...

    def subscribe(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """As `read_all`, then live for ever. Each time the end is reached a page with `caught_up` says so, also an
        empty one. Survives a lost connection; never skips, never repeats within one subscription.
        """
        ...

    async def position(self) -> Cursor:
        """The end of the order: every event appended before this call is at or before it."""
        ...

    async def horizon(self) -> Cursor:
        """The end of what can be read in order: a subscription from here misses no event that appears after this call,
        also none whose append had begun before. Never behind `position`.
        """
        ...

"""The adapter."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from event_store.postgres.appending import Request
from event_store.postgres.coalescing import Coalescer
from event_store.postgres.connections import Pool, translated_errors
from event_store.postgres.reading import HorizonLag, all_pages, ends, horizon_lag, stream_pages
from event_store.postgres.schema import NeedsRebase, migrate, needs_rebase
from event_store.postgres.stream_reads import StreamReads
from event_store.postgres.tail import Tail
from event_store.postgres.wakeup import Wakeups
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
    StoreUnavailable,
    StreamName,
)
from event_store.tracing import append_span

__all__ = ["PostgresEventStore"]

_FIRST_RETRY: Final = 0.02
_LAST_RETRY: Final = 2.0

_log: Final = logging.getLogger(__name__)


class PostgresEventStore:
    """The event store port in one PostgreSQL database; many processes may share it."""

    def __init__(self, pool: Pool, *, poll_seconds: float = 0.5) -> None:
        """Use `open`. `poll_seconds`: how long subscriptions sleep when no wake-up reaches them."""
        self._pool, self._is_closed = pool, False
        self._wakeups = Wakeups(pool)
        self._appends = Coalescer(pool, self._wakeups.ring)
        self._reads = StreamReads(pool)
        self._tail = Tail(pool, self._wakeups, poll_seconds)

    @classmethod
    async def open(cls, pool: Pool, *, poll_seconds: float = 0.5) -> "PostgresEventStore":
        """Create or complete the schema and give the store.

        `pool` should come from `event_store.postgres.open_pool`, or have its settings. It stays the caller's; the
        store keeps one connection for appends and one while somebody subscribes, and borrows others for reading.
        Raises StoreUnavailable, and NeedsRebase: old events would stay hidden, and new ones come before them.
        """
        await migrate(pool)
        if await needs_rebase(pool):
            raise NeedsRebase("restored into another server: run kabinet store rebase first")
        return cls(pool, poll_seconds=poll_seconds)

    async def close(self) -> None:
        """Finish what is on its way and stop listening; call it before the pool is closed."""
        self._is_closed = True
        await self._appends.close()
        await self._tail.close()
        await self._wakeups.close()

    async def append(
        self, stream: StreamName, events: Sequence[NewEvent], *, expected: int
    ) -> Appended:
        """See the port."""
        if not events:
            raise ValueError("an append has at least one event")
        with append_span("postgresql", stream, len(events)):
            return await self._appends.append(Request(stream, events, expected))

    def read_stream(
        self,
        stream: StreamName,
        *,
        after: int = NO_STREAM,
        backwards: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """See the port."""
        if backwards or limit is not None:
            return stream_pages(self._pool, stream, after=after, backwards=backwards, limit=limit)
        return self._reads.pages(stream, after)

    async def read_all(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """See the port."""
        end = (await ends(self._pool)).visible
        async for page in all_pages(
            self._pool, after=after, end=end, where=where, page_size=page_size
        ):
            yield page

    async def subscribe(
        self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
    ) -> AsyncIterator[Page]:
        """See the port. Raises StoreUnavailable only when the store or its pool is closed.

        Live, all subscriptions of this store share one reader; where a filter hides what is new, the page that says
        so comes a moment later.
        """
        announced, retry = False, _FIRST_RETRY
        while True:
            try:
                async with self._tail.feed(after, where) as feed:
                    if feed.start > after or not announced:
                        async for page in all_pages(
                            self._pool,
                            after=after,
                            end=feed.start,
                            where=where,
                            page_size=page_size,
                        ):
                            after, announced, retry = page.cursor, page.caught_up, _FIRST_RETRY
                            yield page
                    while (live := await feed.take(page_size)) is not None:
                        after, retry = live.cursor, _FIRST_RETRY
                        yield live
            except StoreUnavailable as error:
                if self._is_closed or self._pool.is_closing():
                    raise
                _log.warning("subscription cannot read, trying again", exc_info=error)
                await asyncio.sleep(retry)
                retry = min(retry * 2, _LAST_RETRY)

    async def ping(self) -> None:
        """See OpenedStore."""
        with translated_errors():
            await self._pool.fetchval("SELECT 1")

    async def position(self) -> Cursor:
        """See the port."""
        return (await ends(self._pool)).newest

    async def horizon(self) -> Cursor:
        """See the port."""
        return (await ends(self._pool)).visible

    async def horizon_lag(self) -> HorizonLag:
        """How far readers are behind writers: a metric, and an alarm when it grows."""
        return await horizon_lag(self._pool)

"""The tail: one reader of what is new, for all live subscriptions of a process.

Each wave of commits is fetched once and handed to every subscriber that is there. A subscriber that cannot keep up
is let go, and reads for itself until it is back.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from event_store.postgres.connections import Pool
from event_store.postgres.reading import News, ends, news
from event_store.postgres.wakeup import Wakeups
from event_store.records import (
    START,
    Cursor,
    EventFilter,
    Page,
    RecordedEvent,
    StoreUnavailable,
    family,
)

__all__ = ["Feed", "Tail"]

_AT_THE_HORIZON: Final = 0.002
_FIRST_RETRY: Final = 0.02
_LAST_RETRY: Final = 2.0
_WAVE: Final = 500
_MOST_EVENTS: Final = 2_000
_MOST_BYTES: Final = 8_000_000
_PASSING_SECONDS: Final = 0.25
"""How long a feed may be behind what its filter hides: there is nothing to do for it but to note the place."""
_FEW: Final = 4
_PAUSE_PER_EVENT: Final = 0.001
_LONGEST_PAUSE: Final = 0.02
"""For so long, at most, the next wave is left to gather after one that was large: below 1,000 events a second pauses
die out, and few events are handed on at once; above, every consumer works on pages instead of single events.
"""

_log: Final = logging.getLogger(__name__)


class Feed:
    """What one subscription was handed and has not taken yet.

    `start` is where it begins. It is `cut` when more waits than it may hold; what waits can still be taken.
    """

    def __init__(self, start: Cursor, after: Cursor, where: EventFilter) -> None:
        self.start, self.cut = start, False
        self._reached = max(start, after)
        self._families, self._categories = where.families, where.categories
        self._events: deque[RecordedEvent] = deque()
        self._bytes = 0
        self._woken = asyncio.Event()
        self._noting: asyncio.TimerHandle | None = None
        self._is_to_note = False
        self._failure: Exception | None = None

    def hand(self, wave: News) -> bool:
        """Take a wave in; whether more is wanted."""
        if wave.cursor <= self._reached:
            return True
        families, categories, reached = self._families, self._categories, self._reached
        wanted = [
            event
            for event, category in zip(wave.events, wave.categories, strict=True)
            if (not families or family(event.type) in families)
            and (not categories or category in categories)
            and (event.major, event.minor) > reached
        ]
        self._reached = wave.cursor
        if wanted:
            self._events.extend(wanted)
            self._bytes += sum(len(event.data) + len(event.metadata) for event in wanted)
            self.cut = len(self._events) > _MOST_EVENTS or self._bytes > _MOST_BYTES
            self._woken.set()
        elif self._noting is None:
            loop = asyncio.get_running_loop()
            self._noting = loop.call_later(_PASSING_SECONDS, self._note)
        return not self.cut

    def fail(self, error: Exception) -> None:
        """Nothing will come any more."""
        self._failure = error
        self._woken.set()

    async def take(self, page_size: int) -> Page | None:
        """The next page, as soon as there is one; None behind the last one of a feed that was cut.

        Raises what the tail failed with.
        """
        while not self._events and not self._is_to_note:
            if self.cut:
                return None
            if self._failure is not None:
                raise self._failure
            self._woken.clear()
            await self._woken.wait()
        self.close()
        return self._page(page_size)

    def close(self) -> None:
        """There is no place to note by itself: a page says it, or nobody is there any more."""
        if self._noting is not None:
            self._noting.cancel()
        self._noting, self._is_to_note = None, False

    def _note(self) -> None:
        self._is_to_note = True
        self._woken.set()

    def _page(self, size: int) -> Page:
        waiting = self._events
        events = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        self._bytes -= sum(len(event.data) + len(event.metadata) for event in events)
        cursor = events[-1].cursor if waiting else self._reached
        return Page(events, cursor, caught_up=not waiting)


class Tail:
    """Reads while it has feeds."""

    def __init__(self, pool: Pool, wakeups: Wakeups, poll_seconds: float) -> None:
        """`poll_seconds`: how long it sleeps when no wake-up reaches it."""
        self._pool, self._wakeups, self._poll_seconds = pool, wakeups, poll_seconds
        self._position = START
        self._feeds: set[Feed] = set()
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    @asynccontextmanager
    async def feed(self, after: Cursor, where: EventFilter) -> AsyncIterator[Feed]:
        """A feed of what is behind both `after` and its `start`. Raises StoreUnavailable."""
        async with self._starting:
            if self._reading is None:
                self._position = (await ends(self._pool)).visible
                self._reading = asyncio.create_task(self._read())
            feed = Feed(self._position, after, where)
            self._feeds.add(feed)
        try:
            yield feed
        finally:
            feed.close()
            self._feeds.discard(feed)
            self._rest()

    async def close(self) -> None:
        """Stop reading; whoever still waits is told that the store is unavailable."""
        for feed in self._feeds:
            feed.fail(StoreUnavailable("the store is closed"))
        self._feeds.clear()
        reading = self._reading
        self._rest()
        if reading is not None:
            await asyncio.wait((reading,))

    def _rest(self) -> None:
        if not self._feeds and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _read(self) -> None:
        retry = _FIRST_RETRY
        with self._wakeups.sleeper() as woken:
            while True:
                woken.clear()
                try:
                    wave = await news(self._pool, self._position, _WAVE)
                    self._hand_out(wave)
                except StoreUnavailable as error:
                    if self._pool.is_closing():
                        self._end(error)
                        return
                    _log.warning("subscriptions cannot read, trying again", exc_info=error)
                    await asyncio.sleep(retry)
                    retry = min(retry * 2, _LAST_RETRY)
                    continue
                except Exception as error:  # noqa: BLE001 - every subscription raises it
                    self._end(error)
                    return
                retry = _FIRST_RETRY
                if wave.is_full:
                    continue
                if len(wave.events) > _FEW:
                    pause = (len(wave.events) - _FEW) * _PAUSE_PER_EVENT
                    await asyncio.sleep(min(pause, _LONGEST_PAUSE))
                with suppress(TimeoutError):
                    # Committed behind a transaction that is still open: nobody rings when it ends.
                    async with asyncio.timeout(
                        _AT_THE_HORIZON if wave.more_is_hidden else self._poll_seconds
                    ):
                        await woken.wait()

    def _hand_out(self, wave: News) -> None:
        self._position = wave.cursor
        self._feeds = {feed for feed in self._feeds if feed.hand(wave)}

    def _end(self, error: Exception) -> None:
        self._reading = None
        for feed in self._feeds:
            feed.fail(error)
        self._feeds = set()

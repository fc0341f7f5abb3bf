"""One catch-up subscription, from its beginning to the moment it is lost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import kurrentdbclient as kurrent

from event_store.kurrent.connection import translated_errors
from event_store.kurrent.names import Names
from event_store.records import Cursor, EventFilter, Page, RecordedEvent, StoreUnavailable

_WINDOW: Final = 500
_CHECKPOINT_EVERY: Final = 2
"""A checkpoint for each so many windows of events that the filter passed over."""

_AHEAD: Final = 1000

_Message = kurrent.RecordedEvent
"""An event, a checkpoint or the news of having caught up: the client has one base class for them."""


class Subscription:
    """Takes messages off the wire in a task of its own, so that a page in the making never cancels a read."""

    def __init__(
        self,
        client: kurrent.AsyncKurrentDBClient,
        names: Names,
        where: EventFilter,
        *,
        patience: float,
        is_behind: Callable[[int], Awaitable[bool]],
    ) -> None:
        """`patience` in seconds: so long may nothing come before `is_behind` is asked whether it should have."""
        self._client, self._names, self._where = client, names, where
        self._patience, self._is_behind = patience, is_behind
        self._arrived = asyncio.Queue[_Message | None](_AHEAD)

    async def pages(self, after: Cursor, end: Cursor, page_size: int) -> AsyncGenerator[Page, None]:
        """Pages until the connection is lost. Raises StoreUnavailable.

        `end` is the place of the last event before the subscription began: a reader that has caught up has passed it.
        """
        with translated_errors():
            source = await self._client.subscribe_to_all(
                commit_position=after.major or None,
                filter_include=self._names.prefixes(self._where),
                filter_by_stream_name=True,
                filter_by_prefix=True,
                include_checkpoints=True,
                include_caught_up=True,
                window_size=_WINDOW,
                checkpoint_interval_multiplier=_CHECKPOINT_EVERY,
            )
        pump = asyncio.create_task(self._pump(source))
        try:
            told, cursor, live = after, after, False
            events: list[RecordedEvent] = []
            while True:
                message = await self._next(pump, cursor)
                caught_up = message.is_caught_up
                if caught_up:
                    live, cursor = True, max(cursor, end)
                elif message.is_checkpoint:
                    cursor = max(cursor, _verified(message))
                else:
                    cursor = _place(message)
                    if self._where.wants(message.type):
                        events.append(self._names.recorded(message))
                drained = live and self._arrived.empty()
                if (
                    caught_up
                    or len(events) == page_size
                    or (drained and cursor > told)
                    or (message.is_checkpoint and not events and cursor > told)
                ):
                    yield Page(events, cursor, caught_up=drained)
                    told, events = cursor, []
        finally:
            pump.cancel()
            await asyncio.wait((pump,))
            if not pump.cancelled():
                pump.exception()

    async def _pump(self, source: AsyncIterator[_Message]) -> None:
        try:
            async for message in source:
                await self._arrived.put(message)
        finally:
            with suppress(
                asyncio.QueueFull
            ):  # then somebody reads it, and asks the task afterwards
                self._arrived.put_nowait(None)

    async def _next(self, pump: "asyncio.Task[None]", cursor: Cursor) -> _Message:
        while not (self._arrived.empty() and pump.done()):
            try:
                async with asyncio.timeout(self._patience):
                    message = await self._arrived.get()
            except TimeoutError:
                # Servers have been seen to fall silent for good; the head of the log knows better.
                if await self._is_behind(cursor.major) and self._arrived.empty():
                    raise StoreUnavailable("the subscription has stalled") from None
            else:
                if message is not None:
                    return message
                await asyncio.wait((pump,))
        if not pump.cancelled():
            with translated_errors():
                pump.result()
        raise StoreUnavailable("the server ended the subscription")


def _place(message: _Message) -> Cursor:
    return Cursor(message.commit_position, message.prepare_position)


def _verified(checkpoint: _Message) -> Cursor:
    """The checkpoint, if it is the place of a record. The client resumes by the commit position alone, and there are
    servers whose other checkpoints would pass over the event that comes next (KurrentDB 25.0.0, issue 4970).
    """
    place = _place(checkpoint)
    return place if place.major == place.minor else Cursor(0, 0)

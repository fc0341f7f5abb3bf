"""Streams that are read at the same time in one process are read by one statement."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

import asyncpg

from event_store.postgres.connections import Pool, translated_errors
from event_store.postgres.reading import COLUMNS, stream_page, stream_pages
from event_store.records import RecordedEvent, StreamName

__all__ = ["StreamReads"]

_MOST: Final = 100
_FIRST_PAGE: Final = 100
"""Of each stream; longer ones go on alone."""

_READ_MANY: Final = f"""
    SELECT event.*, wanted.place
    FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS wanted(name, after, place)
    CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM event_store.events
        WHERE stream = wanted.name AND revision > wanted.after ORDER BY revision LIMIT $3
    ) AS event
    ORDER BY wanted.place, event.revision
"""  # noqa: S608 - constant text


class _Wish(NamedTuple):
    name: str
    after: int
    answer: "asyncio.Future[Sequence[RecordedEvent]]"


class StreamReads:
    """One statement is out at a time, and begins after everybody who gets its events has asked.

    A reader that meets no other goes at once, by itself. A reader that is cancelled takes nobody with it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[_Wish] = []
        self._is_out = False
        self._batch: asyncio.Task[None] | None = None

    async def pages(self, stream: StreamName, after: int) -> AsyncIterator[Sequence[RecordedEvent]]:
        """All pages of a stream from behind a revision."""
        first = await self._first(str(stream), after)
        if first:
            yield first
        if len(first) == _FIRST_PAGE:
            async for page in stream_pages(
                self._pool, stream, after=first[-1].revision, backwards=False, limit=None
            ):
                yield page

    async def _first(self, name: str, after: int) -> Sequence[RecordedEvent]:
        if self._is_out:
            wish = _Wish(name, after, asyncio.get_running_loop().create_future())
            self._waiting.append(wish)
            return await wish.answer
        self._is_out = True
        try:
            return await stream_page(self._pool, name, after, _FIRST_PAGE)
        finally:
            self._returned()

    def _returned(self) -> None:
        self._is_out = bool(self._waiting)
        self._batch = asyncio.create_task(self._read()) if self._is_out else None

    async def _read(self) -> None:
        try:
            while self._waiting:
                wishes, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                try:
                    await self._answer(wishes)
                except asyncpg.DataError:
                    for wish in wishes:  # one of them has an impossible name
                        await self._answer_alone(wish)
                except Exception as error:  # noqa: BLE001 - every reader raises it
                    for wish in wishes:
                        _fail(wish, error)
                await asyncio.sleep(0)  # who was just answered often asks again at once
        finally:
            self._returned()

    async def _answer(self, wishes: Sequence[_Wish]) -> None:
        with translated_errors():
            rows = await self._pool.fetch(
                _READ_MANY,
                [wish.name for wish in wishes],
                [wish.after for wish in wishes],
                _FIRST_PAGE,
            )
        found: dict[int, list[RecordedEvent]] = {}
        for row in rows:
            found.setdefault(row[8], []).append(RecordedEvent(*row[:8]))
        for place, wish in enumerate(wishes, start=1):
            if not wish.answer.done():
                wish.answer.set_result(found.get(place, ()))

    async def _answer_alone(self, wish: _Wish) -> None:
        try:
            await self._answer([wish])
        except Exception as error:  # noqa: BLE001 - its reader raises it
            _fail(wish, error)


def _fail(wish: _Wish, error: Exception) -> None:
    if not wish.answer.done():
        wish.answer.set_exception(error)

"""Rows by key, for many callers at once: what is asked for while a query is out goes together with the next one."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import asyncpg

from read_models.tables import Connection
from read_models.view import Key

__all__ = ["Lookups", "Source"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Source(Protocol[R_co]):
    """What is looked up by keys: a table, or a statement."""

    async def load(self, connection: Connection, keys: Sequence[Key]) -> Mapping[Key, R_co]:
        """What there is of `keys`."""
        ...


class Lookups(Generic[R]):
    """What one source has of some keys.

    One query is out at a time, and it begins after everybody who gets its rows has asked, so a row is never older
    than for a caller alone. A caller that is cancelled, or that asks for an impossible key, takes nobody with it.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", source: Source[R]) -> None:
        self._pool, self._source = pool, source
        self._waiting: dict[Key, list[asyncio.Future[R | None]]] = {}
        self._working: asyncio.Task[None] | None = None

    async def find(self, keys: Iterable[Key]) -> dict[Key, R]:
        """What there is of `keys`."""
        loop = asyncio.get_running_loop()
        asked: dict[Key, asyncio.Future[R | None]] = {}
        for key in keys:
            if key not in asked:
                asked[key] = loop.create_future()
                self._waiting.setdefault(key, []).append(asked[key])
        if self._waiting and self._working is None:
            self._working = loop.create_task(self._work())
        answers = {key: await answer for key, answer in asked.items()}
        return {key: row for key, row in answers.items() if row is not None}

    async def _work(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                try:
                    await self._answer(asked)
                except (asyncpg.DataError, ValueError, TypeError):
                    for key, callers in asked.items():
                        await self._answer_alone(key, callers)
                except Exception as error:  # noqa: BLE001 - every caller raises it
                    for callers in asked.values():
                        _fail(callers, error)
                await asyncio.sleep(0)  # who was just answered often asks again at once
        finally:
            self._working = None

    async def _answer(self, asked: "Mapping[Key, Sequence[asyncio.Future[R | None]]]") -> None:
        async with self._pool.acquire() as connection:
            found = await self._source.load(connection, list(asked))
        for key, callers in asked.items():
            row = found.get(key)
            for caller in callers:
                if not caller.done():
                    caller.set_result(row)

    async def _answer_alone(self, key: Key, callers: "list[asyncio.Future[R | None]]") -> None:
        try:
            await self._answer({key: callers})
        except Exception as error:  # noqa: BLE001 - its callers raise it
            _fail(callers, error)


def _fail(callers: "Sequence[asyncio.Future[R | None]]", error: Exception) -> None:
    for caller in callers:
        if not caller.done():
            caller.set_exception(error)
            caller.exception()  # so that nobody is missed when the caller has gone

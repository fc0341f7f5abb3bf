"""Rows by key, for many callers at once: what is asked for while a query is out goes together with the next one."""

import asyncio
from collections.abc import Iterable
from typing import Generic, TypeVar

import asyncpg

from read_models.tables import Table
from read_models.view import Key

__all__ = ["Lookups"]

R = TypeVar("R")


class Lookups(Generic[R]):
    """The rows of one table by their keys.

    One query is out at a time, and it begins after everybody who gets its rows has asked, so a row is never older
    than for a caller alone. A caller that is cancelled, or that asks for an impossible key, takes nobody with it.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", table: Table[R]) -> None:
        self._pool, self._table = pool, table
        self._waiting: dict[Key, asyncio.Future[R | None]] = {}
        self._working: asyncio.Task[None] | None = None

    async def find(self, keys: Iterable[Key]) -> dict[Key, R]:
        """The rows of `keys` that are there."""
        asked = {key: self._ask(key) for key in keys}
        if self._waiting and self._working is None:
            self._working = asyncio.create_task(self._work())
        answers = {key: await asyncio.shield(answer) for key, answer in asked.items()}
        return {key: row for key, row in answers.items() if row is not None}

    def _ask(self, key: Key) -> "asyncio.Future[R | None]":
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        return answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                try:
                    await self._answer(asked)
                except (asyncpg.DataError, ValueError, TypeError):
                    for key, answer in asked.items():
                        await self._answer_alone(key, answer)
                except Exception as error:  # noqa: BLE001 - every caller raises it
                    for answer in asked.values():
                        _fail(answer, error)
        finally:
            self._working = None

    async def _answer(self, asked: "dict[Key, asyncio.Future[R | None]]") -> None:
        async with self._pool.acquire() as connection:
            rows = await self._table.load(connection, list(asked))
        for key, answer in asked.items():
            answer.set_result(rows.get(key))

    async def _answer_alone(self, key: Key, answer: "asyncio.Future[R | None]") -> None:
        try:
            await self._answer({key: answer})
        except Exception as error:  # noqa: BLE001 - its callers raise it
            _fail(answer, error)


def _fail(answer: "asyncio.Future[R | None]", error: Exception) -> None:
    answer.set_exception(error)
    answer.exception()  # so that nobody is missed when the caller has gone

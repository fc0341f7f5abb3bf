"""Wake-ups: hints that there is something to read. Losing one costs a poll interval, never an event."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from event_store.postgres.connections import UNAVAILABLE, Pool

_CHANNEL: Final = "event_store"
_BETWEEN_RINGS: Final = 0.01
_RETRY: Final = 1.0

_log: Final = logging.getLogger(__name__)


class Wakeups:
    """Rings after commits, and wakes the subscriptions of this process when any process rings.

    NOTIFY inside appends halves their rate, so it is sent beside them, once for all commits that came meanwhile.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sleepers: set[asyncio.Event] = set()
        self._listener: asyncio.Task[None] | None = None
        self._ringer: asyncio.Task[None] | None = None
        self._rung = False

    def ring(self) -> None:
        """Something was committed."""
        self._wake()
        self._rung = True
        if self._ringer is None:
            self._ringer = asyncio.create_task(self._ring())

    @contextmanager
    def sleeper(self) -> Iterator[asyncio.Event]:
        """An event that is set on every ring, while somebody sleeps on it."""
        sleeper = asyncio.Event()
        self._sleepers.add(sleeper)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        try:
            yield sleeper
        finally:
            self._sleepers.discard(sleeper)
            if not self._sleepers:
                self._listener.cancel()
                self._listener = None

    async def close(self) -> None:
        """Stop listening and ringing."""
        tasks = [task for task in (self._listener, self._ringer) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self) -> None:
        for sleeper in self._sleepers:
            sleeper.set()

    async def _ring(self) -> None:
        try:
            while self._rung:
                self._rung = False
                try:
                    await self._pool.execute(f"NOTIFY {_CHANNEL}")
                except (asyncpg.PostgresError, *UNAVAILABLE) as error:
                    _log.warning("wake-up of other processes failed", exc_info=error)
                await asyncio.sleep(_BETWEEN_RINGS)
        finally:
            self._ringer = None

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (asyncpg.PostgresError, *UNAVAILABLE) as error:
                _log.warning("listening for wake-ups failed", exc_info=error)
            await asyncio.sleep(_RETRY)

    async def _listen_until_lost(self) -> None:
        def heard(*_: object) -> None:
            self._wake()

        lost = asyncio.Event()

        def is_lost(_: object) -> None:
            lost.set()

        async with self._pool.acquire() as connection:
            connection.add_termination_listener(is_lost)
            await connection.add_listener(_CHANNEL, heard)
            self._wake()  # whatever was rung before we listened
            try:
                await lost.wait()
            finally:
                connection.remove_termination_listener(is_lost)
                await connection.remove_listener(_CHANNEL, heard)

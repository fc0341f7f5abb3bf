"""What errors of asyncpg mean, schemas, and the session that shows that a process lives."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from messaging.bus import MessagingUnavailable

__all__ = [
    "Connection",
    "Identity",
    "Pool",
    "Session",
    "migrate",
    "transaction",
    "translated_errors",
]

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was lost in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises MessagingUnavailable for a lost, refused, overloaded or failing-over server."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise MessagingUnavailable(type(error).__name__) from error


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction on a connection of the pool, with errors translated."""
    with translated_errors():
        async with pool.acquire() as connection, connection.transaction():
            yield connection


async def migrate(pool: Pool, schema: str, migrations: Sequence[str]) -> None:
    """Create or complete a schema. Processes that start together wait for each other."""
    async with transaction(pool) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", schema)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {schema}.migrations (number int PRIMARY KEY)"
        )
        done = await connection.fetchval(f"SELECT count(*) FROM {schema}.migrations")  # noqa: S608 - ours
        for number, migration in enumerate(migrations[done:], start=done + 1):
            await connection.execute(migration)
            await connection.execute(
                f"INSERT INTO {schema}.migrations VALUES ($1)",  # noqa: S608 - ours
                number,
            )


class Identity(NamedTuple):
    """A server session: its process id and when it began, which together never come again."""

    pid: int
    start: datetime


class Session:
    """One connection that is kept while this process lives.

    The server ends it as soon as the process dies, also by kill -9, so others need not wait for a lease to run out;
    and it hears notifications.
    """

    def __init__(self, pool: Pool, channel: str, heard: Callable[[], None]) -> None:
        self._pool, self._channel = pool, channel
        self._heard = lambda *_: heard()
        self._opening = asyncio.Lock()
        self._connection: PoolConnectionProxy[asyncpg.Record] | None = None
        self._identity: Identity | None = None

    async def identity(self) -> Identity:
        """The session, opened again when it was lost. Raises MessagingUnavailable."""
        async with self._opening:
            if self._identity is None:
                await self.close()
                with translated_errors():
                    await self._open()
            assert self._identity is not None  # noqa: S101 - _open has set it
            return self._identity

    async def close(self) -> None:
        """Give the connection back to the pool."""
        connection, self._connection, self._identity = self._connection, None, None
        if connection is not None:
            with suppress(*_UNAVAILABLE):
                connection.remove_termination_listener(self._lost)
                await connection.remove_listener(self._channel, self._heard)
                await self._pool.release(connection)

    async def _open(self) -> None:
        self._connection = await self._pool.acquire()
        self._connection.add_termination_listener(self._lost)
        await self._connection.add_listener(self._channel, self._heard)
        row = await self._connection.fetchrow(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        if row is not None:
            self._identity = Identity(row["pid"], row["backend_start"])

    def _lost(self, _: object) -> None:
        self._identity = None

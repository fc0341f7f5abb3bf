"""A pool that fits the store, and what its errors mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from event_store.records import StoreUnavailable

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

SERVER_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Readers wait for the oldest writing transaction: none may be forgotten open.
        "idle_in_transaction_session_timeout": "30s",
        "jit": "off",
    }
)
"""Settings for every connection to a database with an event store in it."""

UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was ended while it was idle
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors of a lost, refused, overloaded or failing-over server; with all of them an append may be retried as is."""


async def open_pool(url: str, *, min_size: int = 2, max_size: int = 10) -> Pool:
    """A pool for the store, with `SERVER_SETTINGS`, and without asyncpg's reset on each release.

    The reset is a round trip more for each append (0.69 of the rate). Whoever changes a session must put it back.
    """
    return await asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        reset=_leave,
        server_settings=dict(SERVER_SETTINGS),
    )


async def _leave(_: Connection) -> None:
    pass


def unavailable(error: Exception) -> StoreUnavailable:
    """What callers get for one of `UNAVAILABLE`."""
    return StoreUnavailable(f"{type(error).__name__}: {error}")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises StoreUnavailable for any of `UNAVAILABLE`."""
    try:
        yield
    except UNAVAILABLE as error:
        raise unavailable(error) from error

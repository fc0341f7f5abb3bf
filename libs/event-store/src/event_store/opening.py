"""The store that a URL asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from event_store.postgres import PostgresEventStore
from event_store.postgres.connections import Pool
from event_store.store import EventStore

__all__ = ["OpenedStore", "open_store"]

_KURRENT: Final = frozenset({"kurrentdb", "kdb", "esdb"})


class OpenedStore(EventStore, Protocol):
    """A store that can say whether it is there."""

    async def ping(self) -> None:
        """Ask the server something small, however long the log is. Raises StoreUnavailable."""
        ...


@asynccontextmanager
async def open_store(url: str | None, *, service: str, pool: Pool) -> AsyncIterator[OpenedStore]:
    """The store of `service` until the end of the block.

    `None` is PostgreSQL, in the database of `pool`, which stays the caller's; `kurrentdb://`, `kdb://` or `esdb://`,
    each also with `+discover`, is the vendor's connection string of a KurrentDB cluster, which `service` may share
    with others. Raises ValueError for another URL, StoreRefused, StoreUnavailable.
    """
    if url is None:
        postgres = await PostgresEventStore.open(pool)
        try:
            yield postgres
        finally:
            await postgres.close()
        return
    if url.partition("://")[0].removesuffix("+discover") not in _KURRENT:
        raise ValueError("a store's URL begins with kurrentdb://, kdb:// or esdb://")
    from event_store.kurrent import KurrentEventStore  # noqa: PLC0415 - loads gRPC, for who needs it

    kurrent = await KurrentEventStore.open(url, service=service)
    try:
        yield kurrent
    finally:
        await kurrent.close()

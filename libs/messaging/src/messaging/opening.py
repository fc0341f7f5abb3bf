"""Open the bus that an address names. Which adapter it is, nobody else asks."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias

from messaging.bus import Bus, WrongBusAddress

if TYPE_CHECKING:
    import asyncpg

__all__ = ["OpenPool", "OpenedBus", "open_bus"]

OpenPool: TypeAlias = "Callable[[str], AbstractAsyncContextManager[asyncpg.Pool[asyncpg.Record]]]"
"""Opens a pool on a `postgresql://` address for the length of a block."""


class OpenedBus(Bus, Protocol):
    """A bus that can say whether it is there."""

    async def ping(self) -> None:
        """Ask the server something small. Raises MessagingUnavailable."""
        ...


@asynccontextmanager
async def open_bus(url: str, *, client: str, open_pool: OpenPool) -> AsyncIterator[OpenedBus]:
    """The bus at `url` for the length of a block.

    `postgresql://...` is the embedded bus, over a pool that `open_pool` opens; `kafka://...` and `kafka+tls://...` are
    Apache Kafka (see `messaging.kafka.KafkaAddress`). `client`: the service and its role, `booking-worker`; brokers
    list it with host and process id. Raises WrongBusAddress, and MessagingUnavailable when PostgreSQL cannot be
    reached; Kafka is connected to when it is needed.
    """
    scheme = url.partition("://")[0]
    match scheme:
        case "postgresql" | "postgres":
            from messaging.postgres import PostgresBus  # noqa: PLC0415 - only where it is used

            async with open_pool(url) as pool:
                embedded = await PostgresBus.open(pool)
                try:
                    yield embedded
                finally:
                    await embedded.close()
        case "kafka" | "kafka+tls":
            from messaging.kafka import KafkaAddress, KafkaBus  # noqa: PLC0415 - only where it is used

            async with KafkaBus.open(KafkaAddress.parse(url), client=client) as scaled:
                yield scaled
        case _:
            raise WrongBusAddress("a bus is at postgresql://, kafka:// or kafka+tls://")

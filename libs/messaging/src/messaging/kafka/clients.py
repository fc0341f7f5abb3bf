"""How every client of Kafka is set up here, and what its errors mean."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from messaging.bus import MessagingUnavailable
from messaging.kafka.address import KafkaAddress

__all__ = [
    "BATCH_BYTES",
    "CLOSE_SECONDS",
    "TROUBLE",
    "broker_of",
    "client_id",
    "closed",
    "translated_errors",
    "writing_broker",
]

CLOSE_SECONDS: Final = 5.0
BATCH_BYTES: Final = 512 * 1024
_REQUEST_MILLISECONDS: Final = 15_000

TROUBLE: Final = (KafkaError, OSError, TimeoutError)
"""What clients raise when a broker is away, going away, or refuses."""


def client_id(name: str) -> str:
    """One name per process, as brokers list, log and count it."""
    return f"{name}-{socket.gethostname()}-{os.getpid()}"


def broker_of(address: KafkaAddress, client: str, *, writes: bool = False) -> KafkaBroker:
    """FastStream's broker. One that writes is idempotent, waits for all replicas, and never waits to fill a batch.

    What comes together travels together: records gather while the request before them is on its way.
    """
    return KafkaBroker(
        list(address.servers),
        client_id=client,
        security=address.security(),
        consumer_only=not writes,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=_REQUEST_MILLISECONDS,
        allow_auto_create_topics=False,
        apply_types=False,
        logger=None,
    )


async def writing_broker(address: KafkaAddress, client: str) -> KafkaBroker:
    """A connected broker that writes. Raises MessagingUnavailable."""
    build = await broker_of(address, client).connect()
    probe = build()  # a producer that cannot connect would be left open by FastStream
    with translated_errors():
        try:
            await probe.start()
            await probe.topics()
        finally:
            await probe.stop()
        broker = broker_of(address, client, writes=True)
        await broker.connect()
    return broker


async def started(broker: KafkaBroker) -> None:
    """Start a broker. Who is cancelled meanwhile waits a moment: a client that is stopped while it connects leaks."""
    starting = asyncio.ensure_future(broker.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=CLOSE_SECONDS)
        starting.cancel()
        with suppress(asyncio.CancelledError, *TROUBLE):
            await starting
        raise


async def closed(broker: KafkaBroker) -> None:
    """Stop a broker; one whose servers are away is given up after a while."""
    with suppress(*TROUBLE, ExceptionGroup):
        async with asyncio.timeout(CLOSE_SECONDS):
            await broker.stop()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises MessagingUnavailable for whatever the clients raise."""
    try:
        yield
    except TROUBLE as error:
        raise MessagingUnavailable(type(error).__name__) from error

"""The client that asks and reads nothing: whether anybody is there, and where topics end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer

from messaging.kafka.clients import CLOSE_SECONDS, TROUBLE, translated_errors


class Lookout:
    """Connects when it is first needed, and again when that failed: a process can start before its brokers."""

    def __init__(self, build: Callable[..., AIOKafkaConsumer]) -> None:
        """`build` gives a client that is not connected."""
        self._build = build
        self._connecting: asyncio.Task[AIOKafkaConsumer] | None = None

    async def consumer(self) -> AIOKafkaConsumer:
        """The client, connected. Raises MessagingUnavailable; who gives up waiting leaves the attempt to others."""
        task = self._connecting
        if task is None or (task.done() and task.exception() is not None):
            task = self._connecting = asyncio.create_task(self._connected())
        with translated_errors():
            return await asyncio.shield(task)

    async def close(self) -> None:
        """Disconnect. A client that is stopped while it connects leaks, so that is waited for a moment."""
        if self._connecting is None:
            return
        await asyncio.wait([self._connecting], timeout=CLOSE_SECONDS)
        self._connecting.cancel()
        with suppress(asyncio.CancelledError, *TROUBLE):
            await (await self._connecting).stop()

    async def _connected(self) -> AIOKafkaConsumer:
        consumer = self._build()
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer

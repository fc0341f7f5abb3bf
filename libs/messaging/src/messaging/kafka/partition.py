"""A partition that a member holds: what was read ahead of the work on it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from messaging.bus import BEGINNING, Delivery
from messaging.envelope import Envelope, MalformedEnvelope, from_headers, kept_aside
from messaging.kafka.clients import translated_errors

__all__ = ["HeldPartition"]

_FULL_BYTES: Final = 4 * 1024 * 1024
_HEADERS_BYTES: Final = 512

_Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


class HeldPartition:
    """A partition that is held. What was read ahead of the work waits in memory, up to a number of bytes."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        place: TopicPartition,
        acknowledged: dict[TopicPartition, int],
    ) -> None:
        self.topic, self.index = place.topic, place.partition
        self._consumer, self._place, self._acknowledged = consumer, place, acknowledged
        self._waiting: deque[_Record] = deque()
        self._bytes = 0
        self._paused = True
        self._arrived = asyncio.Event()

    async def batches(
        self, *, after: int = BEGINNING, limit: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """See the port."""
        self._waiting.clear()
        self._bytes = 0
        with translated_errors():
            self._consumer.seek(self._place, after + 1)
        while True:
            if self._paused and self._bytes <= _FULL_BYTES // 2:
                self._paused = False
                with translated_errors():
                    self._consumer.resume(self._place)
            await asyncio.sleep(
                0
            )  # whoever takes batch after batch without waiting must not stop the heartbeats
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            records = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            self._bytes -= sum(map(_size, records))
            yield [Delivery(record.offset, _envelope(record)) for record in records]

    def put(self, records: Sequence[_Record]) -> None:
        """Hand over what was read, in order."""
        self._waiting.extend(records)
        self._bytes += sum(map(_size, records))
        if self._bytes > _FULL_BYTES and not self._paused:
            self._paused = True
            self._consumer.pause(self._place)
        self._arrived.set()

    def acknowledge(self, offset: int) -> None:
        """See the port."""
        self._acknowledged[self._place] = offset


def _size(record: _Record) -> int:
    return _HEADERS_BYTES + len(record.value or b"")


def _envelope(record: _Record) -> Envelope:
    data = record.value or b""
    try:
        headers = {name: value.decode() for name, value in record.headers if value is not None}
        return from_headers(headers, data)
    except (MalformedEnvelope, UnicodeDecodeError):
        place = f"{record.topic}-{record.partition}-{record.offset}"
        return kept_aside(place, list(record.headers), data)

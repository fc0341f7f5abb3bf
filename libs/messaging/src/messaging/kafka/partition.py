"""A partition that a member holds: what was read ahead of the work on it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from messaging.bus import BEGINNING, Delivery
from messaging.envelope import Envelope, MalformedEnvelope, from_headers, kept_aside
from messaging.kafka.clients import translated_errors

__all__ = ["POLL_RECORDS", "HeldPartition", "ReadAhead", "size_of"]

POLL_RECORDS: Final = 500
"""As many as come at once. They are one partition's, often, and that one may have been nearly full."""

_BUDGET_BYTES: Final = 64 * 1024 * 1024
# As CPython 3.11 keeps them, measured; what a value adds is its own length.
_RECORD_BYTES: Final = 500
_HEADER_BYTES: Final = 162

_Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


@dataclass
class ReadAhead:
    """What all partitions that a process holds may keep in memory, in equal parts."""

    partitions: int = 0

    @property
    def share(self) -> int:
        """Bytes for one partition."""
        return _BUDGET_BYTES // max(1, self.partitions)


class HeldPartition:
    """A partition that is held. What was read ahead of the work waits in memory, up to its share."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        place: TopicPartition,
        acknowledged: dict[TopicPartition, int],
        ahead: ReadAhead,
    ) -> None:
        self.topic, self.index = place.topic, place.partition
        self._consumer, self._place, self._acknowledged = consumer, place, acknowledged
        self._ahead = ahead
        self._waiting: deque[tuple[_Record, int]] = deque()
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
            if self._paused and self._bytes <= self._ahead.share // 2:
                self._paused = False
                with translated_errors():
                    self._consumer.resume(self._place)
            await asyncio.sleep(
                0
            )  # whoever takes batch after batch without waiting must not stop the heartbeats
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            yield self._take(limit)

    def put(self, records: Sequence[_Record]) -> None:
        """Hand over what was read, in order."""
        sizes = [size_of(record) for record in records]
        self._waiting.extend(zip(records, sizes, strict=True))
        self._bytes += sum(sizes)
        if self._bytes > self._ahead.share and not self._paused:
            self._paused = True
            self._consumer.pause(self._place)
        self._arrived.set()

    def _take(self, limit: int) -> Sequence[Delivery]:
        taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._bytes -= sum([size for _, size in taken])
        return [Delivery(record.offset, _envelope(record)) for record, _ in taken]

    def acknowledge(self, offset: int) -> None:
        """See the port."""
        self._acknowledged[self._place] = offset


def size_of(record: _Record) -> int:
    """What a record takes in memory, about: most of it is its headers."""
    headers = sum([_HEADER_BYTES + len(value or b"") for _, value in record.headers])
    return _RECORD_BYTES + len(record.value or b"") + headers


def _envelope(record: _Record) -> Envelope:
    data = record.value or b""
    try:
        headers = {name: value.decode() for name, value in record.headers if value is not None}
        return from_headers(headers, data)
    except (MalformedEnvelope, UnicodeDecodeError):
        place = f"{record.topic}-{record.partition}-{record.offset}"
        return kept_aside(place, list(record.headers), data)

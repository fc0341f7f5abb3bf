"""One membership of one group: partitions come and go, and records are handed to whoever works on theirs."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from messaging.bus import BEGINNING, Delivery
from messaging.crew import Crew
from messaging.envelope import Envelope, MalformedEnvelope, from_headers, kept_aside
from messaging.kafka.clients import TROUBLE, closed, started, translated_errors
from messaging.pump import together

__all__ = ["Member"]

_COMMIT_SECONDS: Final = 1.0
_POLL_MILLISECONDS: Final = 1000
_POLL_RECORDS: Final = 2000  # so that unpacking them does not keep the loop from its heartbeats
_FETCH_MILLISECONDS: Final = 100
_REBALANCE_MILLISECONDS: Final = (
    60_000  # the session ends the wait for a member that is dead, not for a slow one
)
_FULL_BYTES: Final = 4 * 1024 * 1024
_HEADERS_BYTES: Final = 512

_Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a group, from joining to leaving.

    FastStream's batch subscriber sets up, starts and stops the consumer. It has no handler: its own loop sleeps after
    each empty look, and goes on for ever after errors, while a consumer that came to grief must be replaced.
    """

    def __init__(self, topic: str, group: str, crew: Crew, session: timedelta) -> None:
        self._topic, self._group, self._crew, self._session = topic, group, crew, session
        self._partitions: dict[int, _KafkaPartition] = {}
        self._acknowledged: dict[TopicPartition, int] = {}
        self._subscriber: BatchSubscriber | None = None

    async def attend(self, broker: KafkaBroker) -> None:
        """Join, have the crew work on what falls to us, and leave at the end. Raises what aiokafka raises."""
        milliseconds = self._session // timedelta(milliseconds=1)
        self._subscriber = broker.subscriber(
            self._topic,
            # Groups of different topics must not disturb each other when members come and go.
            group_id=f"{self._group}.{self._topic}",
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            listener=self,
            fetch_max_wait_ms=_FETCH_MILLISECONDS,
            session_timeout_ms=milliseconds,
            heartbeat_interval_ms=milliseconds // 4,
            rebalance_timeout_ms=_REBALANCE_MILLISECONDS,
        )
        try:
            await started(broker)
            await together(self._distribute(), self._commit_now_and_then())
        finally:
            await self._give_up()
            await closed(broker)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Nothing is read of a partition until whoever works on it has said from where on."""
        self._consumer.pause(*assigned)
        for place in assigned:
            partition = _KafkaPartition(self._consumer, place, self._acknowledged)
            self._partitions[place.partition] = partition
            self._crew.start(partition)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The group waits for this before anybody else is given them; brokers hear from us in the meantime."""
        await self._give_up()

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        if self._subscriber is None or self._subscriber.consumer is None:
            raise AssertionError("a subscriber that was started has a consumer")
        return self._subscriber.consumer

    async def _give_up(self) -> None:
        await self._crew.stop(list(self._crew.holding))
        self._partitions.clear()
        with suppress(*TROUBLE):
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._commit()
        self._acknowledged.clear()

    async def _distribute(self) -> None:
        """Asking never stops, whatever the work on a partition waits for: who does not ask is put out of the group."""
        while True:
            found = await self._consumer.getmany(
                timeout_ms=_POLL_MILLISECONDS, max_records=_POLL_RECORDS
            )
            for place, records in found.items():
                if place.partition in self._partitions:
                    self._partitions[place.partition].put(records)

    async def _commit_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_SECONDS)
            with suppress(*TROUBLE):  # Kafka's own positions are for lag tools only
                await self._commit()

    async def _commit(self) -> None:
        if self._acknowledged:
            offsets = {place: offset + 1 for place, offset in self._acknowledged.items()}
            self._acknowledged.clear()
            await self._consumer.commit(offsets)


class _KafkaPartition:
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

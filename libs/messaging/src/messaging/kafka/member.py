"""One membership of one group: partitions come and go, and records are handed to whoever works on theirs."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from messaging.crew import Crew
from messaging.kafka.clients import TROUBLE, closed, started
from messaging.kafka.partition import POLL_RECORDS, HeldPartition, ReadAhead
from messaging.pump import together

__all__ = ["Member"]

_COMMIT_SECONDS: Final = 1.0
_POLL_MILLISECONDS: Final = 1000
_FETCH_MILLISECONDS: Final = 100
_REBALANCE_MILLISECONDS: Final = (
    60_000  # the session ends the wait for a member that is dead, not for a slow one
)


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a group, from joining to leaving.

    FastStream's batch subscriber sets up, starts and stops the consumer. It has no handler: its own loop sleeps after
    each empty look, and goes on for ever after errors, while a consumer that came to grief must be replaced.
    """

    def __init__(
        self, topic: str, group: str, crew: Crew, session: timedelta, ahead: ReadAhead
    ) -> None:
        self._topic, self._group, self._crew, self._session = topic, group, crew, session
        self._ahead = ahead
        self._partitions: dict[int, HeldPartition] = {}
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
        self._ahead.partitions += len(assigned)
        for place in assigned:
            partition = HeldPartition(self._consumer, place, self._acknowledged, self._ahead)
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
        self._ahead.partitions -= len(self._partitions)
        self._partitions.clear()
        with suppress(*TROUBLE):
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._commit()
        self._acknowledged.clear()

    async def _distribute(self) -> None:
        """Asking never stops, whatever the work on a partition waits for: who does not ask is put out of the group."""
        while True:
            found = await self._consumer.getmany(
                timeout_ms=_POLL_MILLISECONDS, max_records=POLL_RECORDS
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

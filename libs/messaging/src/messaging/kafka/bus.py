"""The bus port on Apache Kafka."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

from aiokafka import TopicPartition

from messaging.bus import MessagingUnavailable, PartitionsFixed, Topic, TopicLike, Work
from messaging.crew import Crew
from messaging.envelope import Envelope
from messaging.kafka.address import KafkaAddress
from messaging.kafka.clients import (
    TROUBLE,
    broker_of,
    client_id,
    closed,
    translated_errors,
    writing_broker,
)
from messaging.kafka.lookout import Lookout
from messaging.kafka.member import Member
from messaging.kafka.outbox import Outbox
from messaging.kafka.partition import ReadAhead
from messaging.kafka.topics import KafkaTopics

__all__ = ["KafkaBus"]

_AGAIN_SECONDS: Final = 0.5
_ASK_MILLISECONDS: Final = 10_000

_log: Final = logging.getLogger(__name__)


class KafkaBus:
    """The bus port on one cluster, shared by any number of processes."""

    system = "kafka"

    def __init__(self, address: KafkaAddress, client: str, lookout: Lookout) -> None:
        """Use `open`."""
        self._address, self._client, self._lookout = address, client, lookout
        self._outbox: Outbox | None = None
        self._opening = asyncio.Lock()
        self._known: dict[str, int] = {}
        self._ahead = ReadAhead()

    @classmethod
    @asynccontextmanager
    async def open(cls, address: KafkaAddress, *, client: str) -> AsyncIterator[Self]:
        """The bus for the length of a block; what is published and not yet acknowledged at its end is waited for.

        Nothing is connected before it is needed: who only answers does so while the brokers are away, and `ping` says
        that they are. `client`: the service and its role. Raises WrongBusAddress when the authorities cannot be read.
        """
        name = client_id(client)
        lookout = Lookout(await broker_of(address, name).connect())
        bus = cls(address, name, lookout)
        try:
            yield bus
        finally:
            if bus._outbox is not None:
                await closed(bus._outbox.broker)
            await lookout.close()

    async def ping(self) -> None:
        """See OpenedBus."""
        lookout = await self._lookout.consumer()
        with translated_errors():
            async with asyncio.timeout(_ASK_MILLISECONDS / 1000):
                await lookout.topics()

    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        """See the port."""
        if not envelopes:
            return
        outbox = await self._writing(topic)
        try:
            await outbox.publish(self._here(topic), envelopes)
        except MessagingUnavailable:
            if outbox.broken and self._outbox is outbox:
                self._outbox = None
                await closed(outbox.broker)
            raise

    async def ends(self, topic: TopicLike) -> Sequence[int]:
        """See the port."""
        await self._writing(topic)
        places = [
            TopicPartition(self._here(topic).name, index) for index in range(topic.partitions)
        ]
        lookout = await self._lookout.consumer()
        with translated_errors():
            async with asyncio.timeout(_ASK_MILLISECONDS / 1000):
                ends = await lookout.end_offsets(places)
        return [ends[place] - 1 for place in places]

    async def consume(self, topic: TopicLike, group: str, work: Work) -> None:
        """See the port."""
        async with asyncio.TaskGroup() as tasks:
            crew = Crew(tasks, work)
            while True:
                try:
                    await self._writing(topic)
                    here = self._here(topic)
                    member = Member(
                        here.name,
                        self._address.prefix + group,
                        crew,
                        self._address.session,
                        self._ahead,
                    )
                    await member.attend(broker_of(self._address, self._client))
                except (MessagingUnavailable, *TROUBLE) as trouble:
                    _log.warning("bus.unreachable", extra={"topic": topic.name}, exc_info=trouble)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _writing(self, topic: TopicLike) -> Outbox:
        """The way out, with `topic` there. Raises MessagingUnavailable and PartitionsFixed."""
        async with self._opening:
            if self._outbox is None:
                self._outbox = Outbox(await writing_broker(self._address, self._client))
            if topic.name not in self._known:
                here = self._here(topic)
                topics = KafkaTopics(self._outbox.broker.config.broker_config.admin_client)
                if here.name not in await topics.partitions():
                    # With the cluster's defaults, which may be one copy: `kabinet topics apply` knows better.
                    await topics.create(here)
                    _log.warning("bus.topic_made", extra={"topic": here.name})
                self._known[topic.name] = (await topics.partitions())[here.name]
        if self._known[topic.name] != topic.partitions:
            raise PartitionsFixed(topic.name)
        return self._outbox

    def _here(self, topic: TopicLike) -> Topic:
        return Topic(self._address.prefix + topic.name, topic.partitions)

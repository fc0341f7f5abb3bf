"""Topics as the cluster has them, and how they are made: history is kept, nothing is compacted."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from messaging.bus import TopicLike
from messaging.kafka.address import KafkaAddress
from messaging.kafka.clients import client_id, closed, translated_errors, writing_broker

__all__ = ["KafkaTopics", "TopicState", "safe_copies"]

_SEEN_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.02
_FOR_EVER: Final = "-1"
_AS_THE_CLUSTER_SAYS: Final = -1
_SET_ON_THE_TOPIC: Final = 1  # in an answer of DescribeConfigs: not a default, not the broker's


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic as it is. `retention` None: for ever.

    `replicas`: copies of each event, when all brokers are well; `in_sync`: how many of them there must be before a
    publisher is told that its event is durable.
    """

    name: str
    partitions: int
    replicas: int
    in_sync: int
    retention: timedelta | None
    compacted: bool


def safe_copies(replicas: int) -> int:
    """How many of its copies an event should have before it counts as durable.

    Two, where there are three or more: what was acknowledged survives a broker, and one that is away stops nobody.
    """
    return min(2, max(1, replicas - 1))


class KafkaTopics:
    """Looks at topics, makes them and sets what can be set. Every call raises MessagingUnavailable."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    @classmethod
    @asynccontextmanager
    async def open(cls, address: KafkaAddress, *, client: str) -> AsyncIterator[Self]:
        """Connect for the length of a block. Raises MessagingUnavailable."""
        broker = await writing_broker(address, client_id(client))
        try:
            yield cls(broker.config.broker_config.admin_client)
        finally:
            await closed(broker)

    async def partitions(self) -> Mapping[str, int]:
        """Every topic there is, and how many partitions it has."""
        with translated_errors():
            topics = await self._admin.describe_topics()  # of all, for asking for one may make it
        return {topic["topic"]: len(topic["partitions"]) for topic in topics}

    async def states(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """Those of these topics that there are."""
        with translated_errors():
            found = {
                topic["topic"]: topic["partitions"]
                for topic in await self._admin.describe_topics()
                if topic["topic"] in names
            }
            if not found:
                return {}
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
            answers = await self._admin.describe_configs(resources)
        settings = {
            resource[3]: {entry[0]: entry[1] for entry in resource[4]}
            for answer in answers
            for resource in answer.resources
        }
        return {
            name: TopicState(
                name=name,
                partitions=len(partitions),
                replicas=min(len(partition["replicas"]) for partition in partitions),
                in_sync=int(settings[name]["min.insync.replicas"]),
                retention=_retention(settings[name]["retention.ms"]),
                compacted="compact" in settings[name]["cleanup.policy"],
            )
            for name, partitions in found.items()
        }

    async def create(
        self,
        topic: TopicLike,
        *,
        retention: timedelta | None = None,
        replicas: int | None = None,
    ) -> None:
        """Make a topic that may be there already, and return when it can be seen.

        `replicas` None: as many as the cluster says.
        """
        new = NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=replicas or _AS_THE_CLUSTER_SAYS,
            replica_assignments=None if replicas else {},  # without it aiokafka takes no -1
            topic_configs=_settings(retention),
        )
        with translated_errors():
            answer = await self._admin.create_topics([new])
            for _, code, *_rest in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error
            async with asyncio.timeout(_SEEN_SECONDS):
                while topic.name not in await self.partitions():  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(_LOOK_SECONDS)

    async def keep(self, name: str, retention: timedelta | None, *, in_sync: int) -> None:
        """Set how long a topic keeps events, None for ever, and how many copies make one durable; not compacted.

        The rest stays as it is. Returns when it can be seen.
        """
        with translated_errors():
            settings = {
                **await self._own_settings(name),
                **_settings(retention),
                "min.insync.replicas": str(in_sync),
            }
            wanted = ConfigResource(ConfigResourceType.TOPIC, name, settings)
            for changed in await self._admin.alter_configs([wanted]):
                for code, *_rest in changed.resources:
                    if code:
                        raise for_code(code)
            async with asyncio.timeout(_SEEN_SECONDS):
                while await self._own_settings(name) != settings:  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(_LOOK_SECONDS)

    async def _own_settings(self, name: str) -> Mapping[str, str]:
        described = ConfigResource(ConfigResourceType.TOPIC, name)
        (answer,) = await self._admin.describe_configs([described])
        return {
            entry[0]: entry[1]
            for resource in answer.resources
            for entry in resource[4]
            if entry[3] == _SET_ON_THE_TOPIC
        }


def _settings(retention: timedelta | None) -> dict[str, str]:
    milliseconds = str(retention // timedelta(milliseconds=1)) if retention else _FOR_EVER
    return {"cleanup.policy": "delete", "retention.ms": milliseconds, "retention.bytes": _FOR_EVER}


def _retention(milliseconds: str) -> timedelta | None:
    return None if milliseconds == _FOR_EVER else timedelta(milliseconds=int(milliseconds))

import asyncio
from datetime import timedelta

import pytest
from typer.testing import CliRunner, Result

from contracts.topics import TOPICS
from messaging import Topic
from messaging.kafka import KafkaAddress, KafkaTopics, TopicState
from ops.cli.application import app

pytestmark = pytest.mark.integration


def kabinet(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["topics", *arguments])


def states(url: str) -> dict[str, TopicState]:
    address = KafkaAddress.parse(url)

    async def ask() -> dict[str, TopicState]:
        async with KafkaTopics.open(address, client="test") as topics:
            found = await topics.states([address.prefix + topic.name for topic in TOPICS])
        return {name.removeprefix(address.prefix): state for name, state in found.items()}

    return asyncio.run(ask())


def test_topics_are_made_as_declared_and_a_second_time_changes_nothing(kafka_url: str) -> None:
    assert kabinet("show", "--bus", kafka_url).exit_code == 1
    assert kabinet("apply", "--dry-run", "--bus", kafka_url).exit_code == 0
    assert states(kafka_url) == {}
    assert kabinet("apply", "--bus", kafka_url).exit_code == 0
    made = states(kafka_url)
    assert {name: state.partitions for name, state in made.items()} == {
        topic.name: topic.partitions for topic in TOPICS
    }
    assert {(state.retention, state.compacted) for state in made.values()} == {(None, False)}
    again = kabinet("apply", "--bus", kafka_url)
    assert again.output == "topics are as declared\n"
    assert kabinet("show", "--bus", kafka_url).exit_code == 0


def test_other_partitions_are_refused_and_nothing_is_changed(kafka_url: str) -> None:
    address = KafkaAddress.parse(kafka_url)

    async def make() -> None:
        async with KafkaTopics.open(address, client="test") as topics:
            await topics.create(Topic(address.prefix + TOPICS[0].name, 3))

    asyncio.run(make())
    refused = kabinet("apply", "--bus", kafka_url)
    assert refused.exit_code == 2
    assert "keys would move" in refused.output
    assert {name: state.partitions for name, state in states(kafka_url).items()} == {
        TOPICS[0].name: 3
    }


def test_a_shorter_retention_is_mended(kafka_url: str) -> None:
    address = KafkaAddress.parse(kafka_url)

    async def make() -> None:
        async with KafkaTopics.open(address, client="test") as topics:
            topic = Topic(address.prefix + TOPICS[0].name, TOPICS[0].partitions)
            await topics.create(topic, retention=timedelta(days=7))

    asyncio.run(make())
    assert kabinet("apply", "--bus", kafka_url).exit_code == 0
    assert states(kafka_url)[TOPICS[0].name].retention is None


def test_too_few_copies_are_told_and_fail_whoever_looks(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broker has no room for a second copy: the defaults of a cluster may be just that."""
    assert kabinet("apply", "--bus", kafka_url).exit_code == 0
    for arguments in (("show",), ("apply",)):
        short = kabinet(*arguments, "--replicas", "3", "--bus", kafka_url)
        assert short.exit_code == 1
        assert f"{TOPICS[0].name} has 1 of 3 copies" in short.output
    monkeypatch.setenv("OPS_TOPIC_REPLICAS", "3")
    assert kabinet("apply", "--bus", kafka_url).exit_code == 1
    assert kabinet("apply", "--replicas", "1", "--bus", kafka_url).exit_code == 0


def test_a_topic_that_asks_for_more_copies_than_it_has_is_mended(kafka_url: str) -> None:
    address = KafkaAddress.parse(kafka_url)
    first = TOPICS[0]
    assert kabinet("apply", "--bus", kafka_url).exit_code == 0

    async def harm() -> None:
        async with KafkaTopics.open(address, client="test") as topics:
            await topics.keep(address.prefix + first.name, first.retention, in_sync=2)

    asyncio.run(harm())
    assert states(kafka_url)[first.name].in_sync == 2
    assert kabinet("show", "--bus", kafka_url).exit_code == 1
    applied = kabinet("apply", "--bus", kafka_url)
    assert f"{first.name}: call an event durable with 1 of its copies" in applied.output
    assert states(kafka_url)[first.name].in_sync == 1


@pytest.mark.parametrize(
    "url", ["postgresql://localhost/bus", "kafka://anna:s3cret@host:99999", "kafka://h/topic"]
)
def test_a_wrong_address_is_refused_and_its_password_not_repeated(url: str) -> None:
    refused = kabinet("apply", "--bus", url)
    assert refused.exit_code == 2
    assert "s3cret" not in refused.output

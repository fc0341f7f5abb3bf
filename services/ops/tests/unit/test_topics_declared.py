"""What `kabinet topics` makes of the copies that a topic has."""

from dataclasses import replace

import pytest

from contracts.topics import TOPICS
from messaging.kafka import TopicState, safe_copies
from ops.cli.topics import change_of, shortfall_of

TOPIC = TOPICS[0]
STATE = TopicState(
    name=TOPIC.name,
    partitions=TOPIC.partitions,
    replicas=3,
    in_sync=2,
    retention=TOPIC.retention,
    compacted=False,
)


@pytest.mark.parametrize(("replicas", "copies"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2)])
def test_an_event_is_durable_with_two_copies_where_one_broker_may_be_away(
    replicas: int, copies: int
) -> None:
    assert safe_copies(replicas) == copies


def test_a_topic_whose_events_may_have_one_copy_is_changed() -> None:
    change = change_of(TOPIC, replace(STATE, in_sync=1))
    assert change == "call an event durable with 2 of its copies"


def test_a_topic_that_nobody_can_write_to_is_changed() -> None:
    assert change_of(TOPIC, replace(STATE, replicas=1, in_sync=2)) is not None


@pytest.mark.parametrize("in_sync", [2, 3])
def test_a_topic_with_enough_copies_or_more_is_left_alone(in_sync: int) -> None:
    assert change_of(TOPIC, replace(STATE, in_sync=in_sync)) is None


def test_a_topic_with_fewer_copies_than_are_wanted_falls_short() -> None:
    short = shortfall_of(replace(STATE, replicas=1), 3)
    assert short is not None
    assert "has 1 of 3 copies" in short
    assert "kafka-reassign-partitions.sh" in short
    assert shortfall_of(STATE, 3) is shortfall_of(STATE, 2) is shortfall_of(STATE, None) is None

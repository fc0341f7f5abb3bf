"""deploy/backup.md: its commands exist, and what it does when Kafka is lost loses nothing and repeats nothing."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
import typer
from typer.main import get_command

from contracts.topics import TOPICS
from event_store import Codec, NewEvent, StreamName
from event_store.codec import encode_metadata
from event_store.memory import MemoryEventStore
from messaging import Inbox, Relay, Runnable, bus_consumer
from messaging.memory import MemoryBus
from messaging.postgres import PostgresInbox
from messaging.testing import TOPIC, Counted, NowClock, QuietWatch, drain, envelope, told
from ops.cli.application import app

RUNBOOK = (Path(__file__).parents[2] / "deploy/backup.md").read_text()


def test_every_command_of_the_runbook_exists() -> None:
    named = re.findall(r"kabinet ([a-z]+(?: [a-z]+)?)`", RUNBOOK)
    assert {"store rebase", "verify views", "stuck"} <= set(named)
    assert isinstance(app, typer.Typer)
    for words in named:
        command: Any = get_command(app)
        for word in words.split():
            command = command.commands[word]


def test_the_runbook_names_every_service_with_events_and_their_topics() -> None:
    (named,) = re.findall(r"each service with events \(([a-z_, ]+)\)", RUNBOOK)
    assert set(named.split(", ")) == {topic.producer for topic in TOPICS}
    assert all(topic.name.endswith(".events") for topic in TOPICS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    number: int


CODEC: Codec[Any] = Codec({Ticked: "Ticked.v1"})


async def tick(store: MemoryEventStore, number: int) -> None:
    metadata = encode_metadata(envelope(number).metadata)
    event = NewEvent(
        uuid5(UUID(int=7), str(number)), *CODEC.encode(Ticked(number=number)), metadata
    )
    await store.append(StreamName("tick", "north", str(number)), [event], expected=-1)


def suite(
    store: MemoryEventStore, bus: MemoryBus, inbox: Inbox, heard: list[int]
) -> list[Runnable]:
    """Booking's relay, and billing, which hears what it tells."""

    async def on_counted(event: Counted, cause: object, app: object) -> None:
        heard.append(event.number)

    relay = Relay(
        service="booking",
        store=store,
        codec=CODEC,
        publish=lambda event, _: Counted(number=event.number),
        bus=bus,
        topic=TOPIC,
        inbox=inbox,
        watch=QuietWatch(),
    )
    billing = bus_consumer(
        service="billing",
        topic=TOPIC,
        handlers={Counted: on_counted},
        app=None,
        bus=bus,
        inbox=inbox,
        clock=NowClock(),
        watch=QuietWatch(),
    )
    return [relay, billing]


@pytest.mark.integration
async def test_when_kafka_is_lost_every_event_is_published_again_and_known_ones_are_passed_over(
    database: str,
) -> None:
    (statements,) = re.findall(r"```sql\n(.*?)```", RUNBOOK, re.DOTALL)
    store, heard = MemoryEventStore(), list[int]()
    async with asyncpg.create_pool(database, min_size=1) as pool:
        inbox = await PostgresInbox.open(pool)
        for number in range(40):
            await tick(store, number)
        before = MemoryBus()
        relay, billing = suite(store, before, inbox, heard)
        await drain(relay, billing)
        # As after a relay that was killed: some stand there twice, and offsets are further than on a new topic.
        await before.publish(TOPIC, await told(before, TOPIC))
        await drain(billing)
        for number in range(40, 60):  # published, and lost before anybody heard of them
            await tick(store, number)
        await drain(relay)
        assert sorted(heard) == list(range(40))

        after = MemoryBus()
        await pool.execute(statements)
        await tick(store, 60)
        await drain(*suite(store, after, inbox, heard))
        await inbox.close()
    assert sorted(heard) == list(range(61))

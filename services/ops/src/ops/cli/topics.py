"""`kabinet topics`: the topics of Kafka as the contracts declare them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.topics import TOPICS, Topic
from messaging import MessagingUnavailable, WrongBusAddress
from messaging import Topic as BusTopic
from messaging.kafka import KafkaAddress, KafkaTopics, TopicState, safe_copies
from ops.cli.suite import fail

__all__ = ["app", "change_of", "shortfall_of"]

app = typer.Typer(help="Topics of Kafka, as the contracts declare them.", no_args_is_help=True)

Bus = Annotated[
    str,
    typer.Option(
        help="kafka://host:9092, or kafka+tls://user:password@host:9093", envvar="OPS_BUS_URL"
    ),
]

Replicas = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Copies of each event: new topics are made with so many, others are held against it; "
        "else as many as the cluster says",
        envvar="OPS_TOPIC_REPLICAS",
    ),
]


@app.command("show")
def show(bus: Bus, replicas: Replicas = None) -> None:
    """What is declared, what there is, and what `apply` would do. Exit 1: they differ."""
    if asyncio.run(_show(_address(bus), replicas)):
        raise typer.Exit(1)


@app.command("apply")
def apply(
    bus: Bus,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done")] = False,  # noqa: FBT002 - typer
    replicas: Replicas = None,
) -> None:
    """Make the topics that are missing; set how long they keep events and how many copies make one durable.

    Exit 1: a topic has too few copies, which this tool does not change. Exit 2: refused, nothing was changed.
    """
    asyncio.run(_apply(_address(bus), dry_run=dry_run, replicas=replicas))


async def _show(address: KafkaAddress, replicas: int | None) -> bool:
    async with _topics(address) as topics:
        states = await _states(topics, address)
    table = Table("topic", "partitions", "copies", "durable with", "keeps events", "to do")
    short = _short(states, replicas)
    differ = bool(short)
    for topic in TOPICS:
        state = states.get(topic.name)
        to_do = change_of(topic, state) or _moving(topic, state)
        differ |= to_do is not None
        table.add_row(
            topic.name,
            str(state.partitions) if state else "-",
            str(state.replicas) if state else "-",
            str(state.in_sync) if state else "-",
            _kept(state.retention) if state else "-",
            to_do or ("add copies" if shortfall_of(state, replicas) else "nothing"),
        )
    Console().print(table)
    for why in short:
        typer.echo(why)
    return differ


async def _apply(address: KafkaAddress, *, dry_run: bool, replicas: int | None) -> None:
    async with _topics(address) as topics:
        states = await _states(topics, address)
        if refusals := [why for t in TOPICS if (why := _moving(t, states.get(t.name)))]:
            fail("\n".join((*refusals, "nothing was changed")), 2)
        for topic in TOPICS:
            if topic.name not in states:
                _say(topic, change_of(topic, None), dry_run=dry_run)
                if not dry_run:
                    here = BusTopic(address.prefix + topic.name, topic.partitions)
                    await topics.create(here, retention=topic.retention, replicas=replicas)
        states = await _states(topics, address)
        for topic in TOPICS:
            state = states.get(topic.name)
            if state is None or (change := change_of(topic, state)) is None:
                continue
            _say(topic, change, dry_run=dry_run)
            if not dry_run:
                copies = safe_copies(state.replicas)
                name = address.prefix + topic.name
                await topics.keep(name, topic.retention, in_sync=copies)
    if short := _short(states, replicas):
        fail("\n".join(short), 1)
    typer.echo("nothing was changed" if dry_run else "topics are as declared")


def _say(topic: Topic, change: str | None, *, dry_run: bool) -> None:
    typer.echo(f"{topic.name}: {'would ' if dry_run else ''}{change}")


def _short(states: Mapping[str, TopicState], replicas: int | None) -> list[str]:
    return [why for topic in TOPICS if (why := shortfall_of(states.get(topic.name), replicas))]


async def _states(topics: KafkaTopics, address: KafkaAddress) -> Mapping[str, TopicState]:
    found = await topics.states([address.prefix + topic.name for topic in TOPICS])
    return {name.removeprefix(address.prefix): state for name, state in found.items()}


def _moving(topic: Topic, state: TopicState | None) -> str | None:
    if state is None or state.partitions == topic.partitions:
        return None
    return (
        f"{topic.name} has {state.partitions} partitions and {topic.partitions} are declared: refused, for keys would "
        "move to other partitions, where later events overtake earlier ones. Declare a new topic, and move the "
        "consumers when they have read the old one to its end"
    )


def shortfall_of(state: TopicState | None, replicas: int | None) -> str | None:
    """What to do about a topic with fewer copies than are wanted: a broker that is lost may take events with it."""
    if state is None or replicas is None or state.replicas >= replicas:
        return None
    return (
        f"{state.name} has {state.replicas} of {replicas} copies: add some with Kafka's kafka-reassign-partitions.sh "
        "(copies move between brokers, so that is not done here), then apply again"
    )


def change_of(topic: Topic, state: TopicState | None) -> str | None:
    """What makes the topic as it is declared and its events durable."""
    if state is None:
        return f"create with {topic.partitions} partitions"
    changes = []
    if (state.retention, state.compacted) != (topic.retention, False):
        changes.append(f"keep events {_kept(topic.retention)}, not compacted")
    if not safe_copies(state.replicas) <= state.in_sync <= state.replicas:
        changes.append(f"call an event durable with {safe_copies(state.replicas)} of its copies")
    return "; ".join(changes) or None


def _kept(retention: timedelta | None) -> str:
    return "for ever" if retention is None else f"for {retention}"


@asynccontextmanager
async def _topics(address: KafkaAddress) -> AsyncIterator[KafkaTopics]:
    try:
        async with KafkaTopics.open(address, client="kabinet-topics") as topics:
            yield topics
    except MessagingUnavailable as away:
        fail(f"Kafka cannot be reached or refused: {away}", 1)
    except WrongBusAddress as wrong:
        fail(str(wrong), 2)


def _address(url: str) -> KafkaAddress:
    try:
        return KafkaAddress.parse(url)
    except WrongBusAddress as wrong:
        fail(str(wrong), 2)

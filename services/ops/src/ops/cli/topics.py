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
from messaging.kafka import KafkaAddress, KafkaTopics, TopicState
from ops.cli.suite import fail

__all__ = ["app"]

app = typer.Typer(help="Topics of Kafka, as the contracts declare them.", no_args_is_help=True)

Bus = Annotated[
    str,
    typer.Option(
        help="kafka://host:9092, or kafka+tls://user:password@host:9093", envvar="OPS_BUS_URL"
    ),
]


@app.command("show")
def show(bus: Bus) -> None:
    """What is declared, what there is, and what `apply` would do. Exit 1: they differ."""
    if asyncio.run(_show(_address(bus))):
        raise typer.Exit(1)


@app.command("apply")
def apply(
    bus: Bus,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done")] = False,  # noqa: FBT002 - typer
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Of new topics; else what the cluster says")
    ] = None,
) -> None:
    """Make the topics that are missing, and set how long they keep events. Exit 2: refused, nothing was changed."""
    asyncio.run(_apply(_address(bus), dry_run=dry_run, replicas=replicas))


async def _show(address: KafkaAddress) -> bool:
    async with _topics(address) as topics:
        states = await _states(topics, address)
    table = Table("topic", "partitions", "replicas", "keeps events", "to do")
    for topic in TOPICS:
        state = states.get(topic.name)
        table.add_row(
            topic.name,
            str(state.partitions) if state else "-",
            str(state.replicas) if state else "-",
            _kept(state.retention) if state else "-",
            _change(topic, state) or _moving(topic, state) or "nothing",
        )
    Console().print(table)
    return any(_change(t, states.get(t.name)) or _moving(t, states.get(t.name)) for t in TOPICS)


async def _apply(address: KafkaAddress, *, dry_run: bool, replicas: int | None) -> None:
    async with _topics(address) as topics:
        states = await _states(topics, address)
        if refusals := [why for t in TOPICS if (why := _moving(t, states.get(t.name)))]:
            fail("\n".join((*refusals, "nothing was changed")), 2)
        for topic in TOPICS:
            change = _change(topic, states.get(topic.name))
            if change is None:
                continue
            typer.echo(f"{topic.name}: {'would ' if dry_run else ''}{change}")
            if dry_run:
                continue
            here = BusTopic(address.prefix + topic.name, topic.partitions)
            if topic.name in states:
                await topics.keep(here.name, topic.retention)
            else:
                await topics.create(here, retention=topic.retention, replicas=replicas)
    typer.echo("nothing was changed" if dry_run else "topics are as declared")


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


def _change(topic: Topic, state: TopicState | None) -> str | None:
    if state is None:
        return f"create with {topic.partitions} partitions"
    if (state.retention, state.compacted) != (topic.retention, False):
        return f"keep events {_kept(topic.retention)}, not compacted"
    return None


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

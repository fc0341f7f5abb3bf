"""`kabinet parked` and `kabinet stuck`: events that stepped aside, and stories that do not end."""

import asyncio
from datetime import UTC, timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from messaging.postgres import PostgresInbox
from ops.cli.suite import SERVICES, Suite, fail
from service_kit.clock import SystemClock

__all__ = ["app", "stuck"]

app = typer.Typer(
    help="Events that could not be handled, in order behind the first of their key.",
    no_args_is_help=True,
)

Service = Annotated[str, typer.Option(help="The consuming service")]
Consumer = Annotated[str, typer.Option(help="As `parked list` shows it")]
Key = Annotated[str, typer.Option(help="As `parked list` shows it")]


@app.command("list")
def list_parked(context: typer.Context) -> None:
    """What waits, where, since when, and why."""
    asyncio.run(_list(context.obj()))


@app.command("show")
def show(context: typer.Context, service: Service, consumer: Consumer, key: Key) -> None:
    """The waiting events of a key: types and ids, never their contents."""
    asyncio.run(_show(context.obj(), _known(service), consumer, key))


@app.command("redrive")
def redrive(context: typer.Context, service: Service, consumer: Consumer, key: Key) -> None:
    """Handle the waiting events of a key again, in order, with the code of today."""
    asyncio.run(_redrive(context.obj(), _known(service), consumer, key))


@app.command("discard")
def discard(
    context: typer.Context,
    service: Service,
    consumer: Consumer,
    key: Key,
    event: Annotated[UUID, typer.Option(help="Id of the first waiting event")],
    reason: Annotated[str, typer.Option(help="Kept with the event")],
) -> None:
    """Give up the first waiting event of a key; its followers go on."""
    asyncio.run(_discard(context.obj(), _known(service), consumer, key, event, reason))


def stuck(
    context: typer.Context,
    minutes: Annotated[int, typer.Option(min=0, help="Open for longer than this")] = 60,
) -> None:
    """Stories (process instances) that started and have not ended."""
    asyncio.run(_stuck(context.obj(), timedelta(minutes=minutes)))


async def _list(suite: Suite) -> None:
    table = Table("service", "consumer", "key", "waiting", "attempts", "since", "state", "error")
    for service in SERVICES:
        async with suite.pool(service) as pool:
            for parked in await (await PostgresInbox.open(pool)).list_parked():
                table.add_row(
                    service,
                    parked.flow.consumer,
                    parked.key,
                    str(parked.waiting),
                    str(parked.attempts),
                    f"{parked.since:%Y-%m-%d %H:%M:%S}",
                    "quarantined"
                    if parked.retry_at is None
                    else f"again {parked.retry_at:%H:%M:%S}",
                    parked.error or "",
                )
    if table.row_count:
        Console().print(table)
    else:
        typer.echo("nothing is parked")


async def _show(suite: Suite, service: str, consumer: str, key: str) -> None:
    async with suite.pool(service) as pool:
        waiting = await (await PostgresInbox.open(pool)).parked_envelopes(consumer, key)
    if not waiting:
        fail(f"nothing waits at {consumer} for {key}", 2)
    for envelope in waiting:
        typer.echo(f"{envelope.id} {envelope.type} at {envelope.position} of {envelope.source}")


async def _redrive(suite: Suite, service: str, consumer: str, key: str) -> None:
    async with suite.pool(service) as pool:
        if not await (await PostgresInbox.open(pool)).redrive(consumer, key):
            fail(f"nothing waits at {consumer} for {key}", 2)
    typer.echo("will be handled again now")


async def _discard(
    suite: Suite, service: str, consumer: str, key: str, event: UUID, reason: str
) -> None:
    async with suite.pool(service) as pool:
        if not await (await PostgresInbox.open(pool)).discard(consumer, key, event, reason):
            fail(f"{event} is not the first event that waits at {consumer} for {key}", 2)
    typer.echo("given up; its followers go on")


async def _stuck(suite: Suite, age: timedelta) -> None:
    before = SystemClock(suite.clock_file).now().astimezone(UTC) - age
    table = Table("service", "process", "instance", "since")
    for service in SERVICES:
        async with suite.pool(service) as pool:
            for instance in await (await PostgresInbox.open(pool)).list_stuck(before):
                since = f"{instance.since:%Y-%m-%d %H:%M:%S}"
                table.add_row(service, instance.process, instance.instance, since)
    if table.row_count:
        Console().print(table)
    else:
        typer.echo("no story is stuck")


def _known(service: str) -> str:
    if service not in SERVICES:
        fail(f"{service} consumes nothing; there are {', '.join(SERVICES)}", 2)
    return service

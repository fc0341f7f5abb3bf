"""`kabinet timeline`: the whole story of an appointment, over all services, in order."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from ops.cli.suite import Suite, fail
from ops.timeline import Entry, reason_of, told
from ops.trail import Trail

__all__ = ["show"]

_PATIENCE_SECONDS = 5.0


def show(
    context: typer.Context,
    appointment: Annotated[UUID, typer.Option(help="Id of the appointment")],
    zone: Annotated[str, typer.Option(help="Zone to show times in")] = "Europe/Moscow",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Print who did what to an appointment, when and why, over all services."""
    try:
        shown_zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        fail(f"{zone} is no time zone; try Europe/Moscow", 2)
    entries = asyncio.run(_story(context.obj(), appointment))
    if not entries:
        fail(f"Nothing is known of appointment {appointment}", 2)
    if as_json:
        for entry in told(entries):
            typer.echo(msgspec.json.encode(entry).decode())
        return
    Console(width=None if Console().is_terminal else 180).print(_table(entries, shown_zone))


async def _story(suite: Suite, appointment: UUID) -> Sequence[Entry]:
    """Wait, within a bound, until the trail has what the services have."""
    async with suite.pool("ops") as pool, suite.stores() as stores:
        trail = Trail(pool)
        patience = time.monotonic() + _PATIENCE_SECONDS
        while any((await trail.behind(dict(stores))).values()) and time.monotonic() < patience:  # noqa: ASYNC110 - another process fills it
            await asyncio.sleep(0.1)
        return await trail.story(appointment)


def _table(entries: Sequence[Entry], zone: ZoneInfo) -> Table:
    by_id = {entry.event_id: entry for entry in entries}
    table = Table(title=f"{len(entries)} events, times in {zone.key}", title_justify="left")
    for heading in ("time", "service", "event", "who", "because", "facts"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        facts = ", ".join(f"{name}={value}" for name, value in entry.facts.items())
        table.add_row(
            f"{entry.time.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"[:-3],
            entry.service,
            entry.type.rpartition(".")[0],
            _who(entry),
            reason_of(entry, by_id),
            facts,
        )
    return table


def _who(entry: Entry) -> str:
    kind, _, name = entry.actor.partition(":")
    return entry.role if kind != "account" else f"{entry.role} …{name[-6:]}"

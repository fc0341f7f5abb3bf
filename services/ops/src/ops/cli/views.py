"""`kabinet views`: list read models, and make one again from its events while the old one serves."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ops.cli.suite import SERVICES, Suite, fail
from ops.cli.verify import open_sealers
from ops.inspection import insides_of
from read_models import View, digest
from read_models import rebuild as rebuild_view

__all__ = ["app"]

app = typer.Typer(help="Read models.", no_args_is_help=True)


@app.command("list")
def list_views(context: typer.Context) -> None:
    """Every view with its position and digest."""
    asyncio.run(_list(context.obj()))


@app.command("rebuild")
def rebuild(
    context: typer.Context,
    service: Annotated[str, typer.Option()],
    view: Annotated[str, typer.Option(help="Name of the view")],
) -> None:
    """Fill a shadow table from the first event on and swap it in; the old one serves meanwhile."""
    if service not in SERVICES:
        fail(f"{service} is no service with views; there are {', '.join(SERVICES)}", 2)
    known = {each.name: each for each in insides_of(service).views}
    if view not in known:
        fail(f"{service} has no view {view}; it has {', '.join(sorted(known))}", 2)
    asyncio.run(_rebuild(context.obj(), service, known[view]))


async def _list(suite: Suite) -> None:
    table = Table("service", "view", "version", "position", "digest", "failure")
    for service in SERVICES:
        async with suite.pool(service) as pool:
            rows = await pool.fetch("SELECT name, version, position, failure FROM views.checkpoint")
            kept = {(row["name"], row["version"]): row for row in rows}
            for view in insides_of(service).views:
                row = kept.get((view.name, view.version))
                table.add_row(
                    service,
                    view.name,
                    str(view.version),
                    (row["position"].lstrip("0") or "0") if row else "not filled",
                    (await digest(pool, view))[:12] if row else "",
                    str(row["failure"] or "") if row else "",
                )
    Console().print(table)


async def _rebuild(suite: Suite, service: str, view: View[Any]) -> None:
    async with (
        open_sealers(suite) as sealers,
        suite.stores([service]) as stores,
        suite.pool(service) as pool,
    ):
        with Progress() as bar:
            task = bar.add_task(f"{service}.{view.name}", total=None)
            await rebuild_view(
                pool,
                stores[service],
                insides_of(service).codec,
                view,
                opener=sealers,
                progress=lambda count: bar.update(task, completed=count),
            )
    typer.echo(f"{service}.{view.name} was rebuilt and swapped in")

"""`kabinet store`: what an operator does to event stores; deploy/backup.md says when."""

import asyncio
from typing import Annotated

import asyncpg
import typer

from event_store import StoreUnavailable
from event_store.postgres import needs_rebase, rebase
from ops.cli.suite import SERVICES, Suite, fail

__all__ = ["app"]

app = typer.Typer(help="The event stores of the services.", no_args_is_help=True)


@app.callback()
def stores() -> None:
    """The event stores of the services."""


@app.command("rebase")
def order_anew(
    context: typer.Context,
    service: Annotated[str | None, typer.Option(help="Only this service")] = None,
) -> None:
    """After a restore with pg_restore or psql, before services start: new events come behind the restored ones.

    A physical copy needs none of this. Exit 2: refused, nothing was changed.
    """
    if service is not None and service not in SERVICES:
        fail(f"{service} is no service with events; there are {', '.join(SERVICES)}", 2)
    asyncio.run(_rebase(context.obj(), [service] if service else list(SERVICES)))


async def _rebase(suite: Suite, services: list[str]) -> None:
    if suite.store is not None:
        fail("The events are in KurrentDB, which keeps its own order: there is nothing to do.", 2)
    # All are asked before any is changed.
    wanting = [service for service in services if await _may_be_rebased(suite, service)]
    if not wanting:
        fail("Every event is in its place: nothing to do, nothing was changed.", 2)
    for service in wanting:
        async with suite.pool(service) as pool:
            await rebase(pool)
        typer.echo(f"{service}: new events come behind the restored ones")


async def _may_be_rebased(suite: Suite, service: str) -> bool:
    try:
        async with suite.pool(service) as pool:
            if writers := await _writers(pool, service):
                fail(f"{service} runs ({writers} connections). Stop it; nothing was changed.", 2)
            return await needs_rebase(pool)
    except LookupError as missing:
        fail(f"{service}: {missing}. Restore it first; nothing was changed.", 2)
    except (OSError, asyncpg.PostgresError, StoreUnavailable) as away:
        fail(f"{service}: its database does not answer ({type(away).__name__})", 1)


async def _writers(pool: asyncpg.Pool, service: str) -> int:
    """Every process of a service calls its connections by its name."""
    found: int = await pool.fetchval(
        """SELECT count(*) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = $1""",
        service,
    )
    return found

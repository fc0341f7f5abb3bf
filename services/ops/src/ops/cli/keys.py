"""`kabinet keys`: the keys that identity keeps, wrapped by its master key."""

import asyncio

import typer
from rich.progress import Progress, TextColumn

from ops.cli.suite import Suite

__all__ = ["app"]

app = typer.Typer(help="Keys of personal data.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Keys of personal data."""


@app.command("rewrap")
def rewrap(context: typer.Context) -> None:
    """Wrap every key under an older master key with the current one; may be stopped and started again."""
    asyncio.run(_rewrap(context.obj()))


async def _rewrap(suite: Suite) -> None:
    done = 0
    with Progress(TextColumn("{task.completed} keys")) as bar:
        task = bar.add_task("rewrap", total=None)
        while some := (await suite.call("identity", "POST", "/internal/rewrapping"))["rewrapped"]:
            done += some
            bar.update(task, completed=done)
    typer.echo(f"{done} keys were wrapped anew; none is left under an older master key")

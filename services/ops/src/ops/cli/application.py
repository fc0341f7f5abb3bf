"""The commands of `kabinet`, gathered."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli import clock, keys, parked, people, store, timeline, topics, verify, views
from ops.cli.suite import find_suite

__all__ = ["app"]

app = typer.Typer(
    name="kabinet",
    help="Operate a running Kabinet suite.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("timeline")(timeline.show)
app.command("clock", context_settings={"ignore_unknown_options": True})(clock.move)
app.add_typer(verify.app, name="verify")
app.add_typer(people.tenants, name="tenant")
app.add_typer(people.branches, name="branch")
app.add_typer(people.staff, name="staff")
app.add_typer(parked.app, name="parked")
app.command("stuck")(parked.stuck)
app.add_typer(views.app, name="views")
app.add_typer(keys.app, name="keys")
app.add_typer(topics.app, name="topics")
app.add_typer(store.app, name="store")


@app.callback()
def common(
    context: typer.Context,
    runtime: Annotated[
        Path, typer.Option(help="runtime.json of the running suite", envvar="KABINET_RUNTIME")
    ] = Path(".data/runtime.json"),
) -> None:
    """Operate a running Kabinet suite."""
    context.obj = lambda: find_suite(runtime)

"""`python -m embedded up | down | status`."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from embedded.declared import port_variable
from embedded.kafka import running_kafka
from embedded.preparation import Refused
from embedded.runtime import load, supervisor_of
from embedded.server import ServerError
from embedded.settings import EmbeddedSettings, chosen, inherited
from embedded.suite import KABINET
from embedded.supervisor import StartFailed, Supervisor, run_until_signalled

STOP_SECONDS = 60.0

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

Data = Annotated[Path | None, typer.Option(help="Data directory [env KABINET_DATA, else .data]")]
Port = Annotated[int | None, typer.Option(help="Port of the gateway [env PORT, else 8080]")]
Profile = Annotated[
    Literal["embedded", "kafka"] | None,
    typer.Option(help="What carries events: PostgreSQL, or Apache Kafka [env KABINET_PROFILE]"),
]


@app.command()
def up(data: Data = None, port: Port = None, profile: Profile = None) -> None:
    """Start the suite and keep it running until Ctrl-C. Exit 2: refused, nothing was started."""
    settings = _settings()
    supervisor = Supervisor(
        KABINET,
        data or settings.data,
        console.print,
        first_port=port or settings.port,
        chosen_ports=chosen(port_variable(KABINET, name) for name in KABINET.ports),
        environment=inherited(),
        external_postgres=(
            settings.postgres_url.get_secret_value() if settings.postgres_url else None
        ),
        broker=(profile or settings.profile) == "kafka",
        external_kafka=settings.kafka_url.get_secret_value() if settings.kafka_url else None,
    )
    try:
        asyncio.run(run_until_signalled(supervisor))
    except Refused as refused:
        console.print(str(refused))
        raise typer.Exit(2) from refused
    except StartFailed as failed:
        console.print(str(failed))
        raise typer.Exit(1) from failed


@app.command()
def down(data: Data = None) -> None:
    """Stop the running suite and wait until it is gone."""
    folder = data or _settings().data
    pid = supervisor_of(folder)
    if pid is None:
        console.print(f"nothing runs on {folder}")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while supervisor_of(folder) == pid:
        if time.monotonic() > deadline:
            console.print(f"process {pid} did not stop in {STOP_SECONDS:.0f} s")
            raise typer.Exit(1)
        time.sleep(0.1)
    console.print("stopped")


@app.command()
def status(data: Data = None) -> None:
    """List the processes. Exit 1: nothing runs, or not everything is up yet."""
    folder = data or _settings().data
    runtime = load(folder)
    if runtime is None:
        console.print(f"nothing runs on {folder}")
        raise typer.Exit(1)
    table = Table("process", "pid", "address", "restarts", box=None)
    for name, process in runtime.processes.items():
        table.add_row(name, str(process.pid or "-"), process.url, str(process.restarts))
    console.print(table)
    if not runtime.ready:
        console.print("not everything is up yet")
        raise typer.Exit(1)


@app.command()
def kafka(
    data: Annotated[Path, typer.Option(help="Data directory, kept")] = Path(".data-broker"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port for clients")] = 9092,
) -> None:
    """Run a broker of Apache Kafka by itself until Ctrl-C. Exit 1: it could not start."""

    async def run() -> None:
        stop = asyncio.Event()
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, stop.set)
        async with running_kafka(data, port) as server:
            console.print(f"{server.url} (process {server.pid}, kept in {server.data_dir})")
            await stop.wait()

    try:
        asyncio.run(run())
    except ServerError as failed:
        console.print(str(failed))
        raise typer.Exit(1) from failed


def _settings() -> EmbeddedSettings:
    try:
        return EmbeddedSettings()
    except ValidationError as invalid:
        for error in invalid.errors():
            console.print(f"{error['loc'][0]}: {error['msg']}")
        raise typer.Exit(2) from invalid


if __name__ == "__main__":
    app()

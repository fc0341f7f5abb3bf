"""`kabinet store rebase` on a real PostgreSQL, with a store from a server that had counted further."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from event_store import Cursor
from event_store.postgres import NeedsRebase, PostgresEventStore
from event_store.testing import event, stream
from ops.cli.application import app
from service_kit.database import open_pool

pytestmark = pytest.mark.integration

T = TypeVar("T")


@pytest.fixture
def runtime(tmp_path: Path, database: str) -> Path:
    """A suite that has nothing but booking's database."""
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"ops_service_secret": "s"}))
    file = tmp_path / "runtime.json"
    file.write_text(
        json.dumps(
            {
                "databases": {"booking": database},
                "processes": {},
                "secrets_file": str(secrets),
                "clock_file": str(tmp_path / "clock.json"),
            }
        )
    )
    return file


def rebase(runtime: Path, *options: str) -> Result:
    arguments = ["--runtime", str(runtime), "store", "rebase", *(options or ("--service=booking",))]
    return CliRunner().invoke(app, arguments)


def on(database: str, work: Callable[[asyncpg.Pool], Awaitable[T]], name: str = "test") -> T:
    async def with_pool() -> T:
        async with open_pool(database, application_name=name) as pool:
            return await work(pool)

    return asyncio.run(with_pool())


async def write(pool: asyncpg.Pool) -> Cursor:
    store = await PostgresEventStore.open(pool)
    appended = await store.append(stream(event().id.hex), [event()], expected=-1)
    return appended.cursor


async def restore(pool: asyncpg.Pool) -> None:
    """As pg_restore leaves it: the order keys of a server that had counted further."""
    await write(pool)
    await pool.execute("UPDATE event_store.events SET order_key = order_key + 10000000")
    await pool.execute("UPDATE event_store.streams SET last_order_key = last_order_key + 10000000")


async def read(pool: asyncpg.Pool) -> list[Cursor]:
    store = await PostgresEventStore.open(pool)
    return [one.cursor async for page in store.read_all() for one in page.events]


def test_a_restored_store_is_read_and_written_in_its_order_again(
    runtime: Path, database: str
) -> None:
    on(database, restore)
    with pytest.raises(NeedsRebase):
        on(database, read)
    done = rebase(runtime)
    assert (done.exit_code, done.output) == (
        0,
        "booking: new events come behind the restored ones\n",
    )
    (restored,) = on(database, read)
    assert on(database, write) > restored
    assert len(on(database, read)) == 2


def test_a_store_that_is_in_order_is_refused(runtime: Path, database: str) -> None:
    on(database, write)
    refused = rebase(runtime)
    assert refused.exit_code == 2
    assert "nothing was changed" in refused.output
    on(database, restore)
    assert rebase(runtime).exit_code == 0
    assert rebase(runtime).exit_code == 2


def test_a_service_that_runs_is_refused(runtime: Path, database: str) -> None:
    on(database, restore)

    async def beside_a_worker(_: asyncpg.Pool) -> Result:
        return await asyncio.to_thread(rebase, runtime)

    refused = on(database, beside_a_worker, name="booking")
    assert refused.exit_code == 2
    assert "booking runs (1 connections)" in refused.output
    with pytest.raises(NeedsRebase):  # nothing was changed
        on(database, read)


def test_a_database_without_a_store_is_refused(runtime: Path) -> None:
    refused = rebase(runtime)
    assert refused.exit_code == 2
    assert "Restore it first" in refused.output


def test_a_database_that_does_not_answer_is_named(runtime: Path, database: str) -> None:
    there = database.rpartition("/")[0]
    runtime.write_text(runtime.read_text().replace(database, f"{there}/nowhere"))
    away = rebase(runtime)
    assert away.exit_code == 1
    assert away.output == "booking: its database does not answer (InvalidCatalogNameError)\n"


def test_an_unknown_service_and_another_store_are_refused(runtime: Path) -> None:
    unknown = rebase(runtime, "--service=gateway")
    assert unknown.exit_code == 2
    assert "gateway is no service with events" in unknown.output
    told = json.loads(runtime.read_text()) | {"store": "kurrentdb://kurrentdb:2113"}
    runtime.write_text(json.dumps(told))
    other = rebase(runtime)
    assert other.exit_code == 2
    assert "KurrentDB" in other.output


def test_the_help_says_when() -> None:
    told = CliRunner().invoke(app, ["store", "rebase", "--help"])
    assert told.exit_code == 0
    assert "before services start" in told.output

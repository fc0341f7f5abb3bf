"""The pool and the migrations, against a real PostgreSQL."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from prometheus_client import REGISTRY

from event_store.postgres import SERVER_SETTINGS
from service_kit.database import migrate, open_pool
from service_kit.errors import ConfigurationError

pytestmark = pytest.mark.integration


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "migrating"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "migrations" / "README.md").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "migrating", raising=False)
    return folder / "migrations"


async def test_migrations_are_applied_once_and_in_order(database: str, package: Path) -> None:
    (package / "0002_second.sql").write_text("INSERT INTO things VALUES (2);")
    (package / "0001_first.sql").write_text(
        "CREATE TABLE things (n int); INSERT INTO things VALUES (1);"
    )
    async with (
        open_pool(database, application_name="a") as one,
        open_pool(database, application_name="b") as two,
    ):
        applied = await asyncio.gather(*(migrate(pool, "migrating") for pool in (one, two, one)))
        assert sorted(applied) == [[], [], [1, 2]]
        (package / "0003_third.sql").write_text("INSERT INTO things VALUES (3);")
        assert await migrate(one, "migrating") == [3]
        assert [row["n"] for row in await one.fetch("SELECT n FROM things")] == [1, 2, 3]


async def test_a_migration_that_fails_leaves_nothing(database: str, package: Path) -> None:
    (package / "0001_first.sql").write_text("CREATE TABLE things (n int); SELECT 1 / 0;")
    async with open_pool(database, application_name="a") as pool:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(pool, "migrating")
        assert await pool.fetchval("SELECT to_regclass('things')") is None
        (package / "0001_first.sql").write_text("CREATE TABLE things (n int);")
        assert await migrate(pool, "migrating") == [1]


async def test_a_changed_or_doubled_migration_is_refused(database: str, package: Path) -> None:
    (package / "0001_first.sql").write_text("CREATE TABLE things (n int);")
    async with open_pool(database, application_name="a") as pool:
        await migrate(pool, "migrating")
        (package / "0001_first.sql").write_text("CREATE TABLE things (n bigint);")
        with pytest.raises(ConfigurationError, match="migration 1 of migrating was changed"):
            await migrate(pool, "migrating")
        (package / "0001_other.sql").write_text("")
        with pytest.raises(ConfigurationError, match="two migrations 0001"):
            await migrate(pool, "migrating")


async def test_every_connection_has_the_settings_that_an_event_store_needs(database: str) -> None:
    async with open_pool(database, application_name="kit-test") as pool:
        rows = await pool.fetch("SELECT name, setting FROM pg_settings WHERE source = 'client'")
        assert SERVER_SETTINGS.keys() <= {
            row["name"] for row in rows
        }  # whatever the server's own are


async def test_a_connection_comes_back_without_its_transaction(database: str) -> None:
    async with open_pool(database, application_name="kit-test", max_size=1) as pool:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            await connection.execute("CREATE TABLE things (n int)")
        assert await pool.fetchval("SELECT to_regclass('things')") is None
        assert await pool.fetchval("SHOW application_name") == "kit-test"
        assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "30s"
        assert await pool.fetchval("SELECT '{\"a\": 1}'::jsonb") == '{"a": 1}'


async def test_metrics_tell_how_full_the_pools_of_a_database_are(database: str) -> None:
    name = {"db_client_connection_pool_name": urlsplit(database).path[1:]}

    def connections(state: str) -> float | None:
        labels = {**name, "db_client_connection_state": state}
        return REGISTRY.get_sample_value("db_client_connection_count", labels)

    async with (
        open_pool(database, application_name="a", min_size=2, max_size=3) as one,
        open_pool(database, application_name="b", max_size=4),
    ):
        async with one.acquire():
            assert (connections("used"), connections("idle")) == (1, 2)
        assert (connections("used"), connections("idle")) == (0, 3)
        assert REGISTRY.get_sample_value("db_client_connection_max", name) == 7
    assert connections("idle") is None


async def test_a_pool_closes_although_a_connection_is_held(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service_kit.database._CLOSE_SECONDS", 0.1)
    async with open_pool(database, application_name="a") as pool:
        held = await pool.acquire()
    with pytest.raises(asyncpg.InterfaceError):
        await held.fetchval("SELECT 1")

"""PostgreSQL: a pool with sensible settings, and numbered migrations."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import resources
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import structlog
from pydantic import SecretStr

from event_store.postgres import SERVER_SETTINGS
from service_kit.errors import ConfigurationError
from service_kit.metrics import observed_pool

__all__ = ["DATABASE_DOWN", "migrate", "open_pool"]

DATABASE_DOWN: Final = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # a connection that was lost in the middle of an answer
)
"""What a query raises when the server is away, going away or full: asking again later helps."""

_FILE: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_CLOSE_SECONDS: Final = 5.0
_log = structlog.get_logger()

_MIGRATIONS: Final = """
CREATE TABLE IF NOT EXISTS applied_migrations (
    package text NOT NULL,
    number integer NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (package, number)
)"""


@asynccontextmanager
async def open_pool(
    url: SecretStr | str,
    *,
    application_name: str,
    min_size: int = 1,
    max_size: int = 10,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[asyncpg.Pool]:
    """A pool for the length of a block.

    A connection that comes back is rolled back but not reset (measured: the reset costs 31 % of the inserts), so
    whoever changes a session setting or takes a session lock undoes it. A transaction that its client forgot ends
    after 30 seconds, because an open one holds back every reader of the event store. `settings`: more parameters of
    the server for every connection. Metrics call the pool by its database.
    """
    address = url.get_secret_value() if isinstance(url, SecretStr) else url
    pool = await asyncpg.create_pool(
        address,
        min_size=min_size,
        max_size=max_size,
        command_timeout=30.0,
        max_inactive_connection_lifetime=300.0,
        statement_cache_size=256,
        max_cached_statement_lifetime=0,
        reset=_no_reset,
        server_settings={
            "application_name": application_name,
            **SERVER_SETTINGS,
            "timezone": "UTC",
            **(settings or {}),
        },
    )
    try:
        with observed_pool(urlsplit(address).path[1:], pool):
            yield pool
    finally:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _no_reset(_connection: asyncpg.Connection) -> None:
    return None


async def migrate(pool: asyncpg.Pool, package: str) -> list[int]:
    """Apply `migrations/NNNN_name.sql` of an importable package that were not applied yet, in order.

    A package without such a folder has none. Each runs in a transaction of its own, and processes that start together
    take turns. Answers the numbers applied now. Raises ConfigurationError when an applied file was changed or a number
    is used twice.
    """
    files = _files(package)
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext('applied_migrations'))")
        try:
            await connection.execute(_MIGRATIONS)
            applied = {
                row["number"]: row["digest"]
                for row in await connection.fetch(
                    "SELECT number, digest FROM applied_migrations WHERE package = $1", package
                )
            }
            changed = [n for n, sql in files.items() if n in applied and applied[n] != _digest(sql)]
            if changed:
                raise ConfigurationError(
                    *(f"migration {n} of {package} was changed" for n in changed)
                )
            new = [number for number in files if number not in applied]
            for number in new:
                async with connection.transaction():
                    await connection.execute(files[number])
                    await connection.execute(
                        "INSERT INTO applied_migrations (package, number, digest) VALUES ($1, $2, $3)",
                        package,
                        number,
                        _digest(files[number]),
                    )
                _log.info("database.migrated", adapter=package, version=number)
            return new
        finally:
            await connection.execute("SELECT pg_advisory_unlock(hashtext('applied_migrations'))")


def _files(package: str) -> dict[int, str]:
    folder = resources.files(package).joinpath("migrations")
    if not folder.is_dir():
        return {}
    found: dict[int, str] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        match = _FILE.fullmatch(file.name)
        if match is None:
            continue
        if int(match[1]) in found:
            raise ConfigurationError(f"{package} has two migrations {match[1]}")
        found[int(match[1])] = file.read_text("utf-8")
    return found


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()

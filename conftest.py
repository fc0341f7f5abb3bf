"""Fixtures for every test of the workspace: a real PostgreSQL and an empty database in it."""

import asyncio
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest

from embedded.postgres import THROWAWAY_OPTIONS, running_postgres_sync, with_database
from embedded.settings import EmbeddedSettings

T = TypeVar("T")


class Administrator:
    """Creates and drops databases on a loop and a connection of its own, so sync tests can too."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection = self._run(lambda: asyncpg.connect(url))

    def create(self) -> str:
        name = f"test_{secrets.token_hex(6)}"
        self._run(lambda: self._connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy"))
        return name

    def drop(self, name: str) -> None:
        self._run(lambda: self._connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def close(self) -> None:
        self._run(self._connection.close)
        self._loop.close()

    def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def now() -> T:
            return await work()

        return self._loop.run_until_complete(now())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of the maintenance database of a server without fsync, one per pytest process."""
    if external := EmbeddedSettings().postgres_url:
        yield external.get_secret_value()
        return
    with (
        tempfile.TemporaryDirectory(prefix="kabinet-test-") as folder,
        running_postgres_sync(Path(folder), options=THROWAWAY_OPTIONS) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def postgres_administrator(postgres_server: str) -> Iterator[Administrator]:
    administrator = Administrator(postgres_server)
    yield administrator
    administrator.close()


@pytest.fixture
def database(postgres_administrator: Administrator) -> Iterator[str]:
    """Address of a fresh, empty database that is dropped after the test."""
    name = postgres_administrator.create()
    yield with_database(postgres_administrator.url, name)
    postgres_administrator.drop(name)

"""The server itself: what it keeps, what it refuses, what it survives."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import asyncpg
import pytest

from embedded.postgres import (
    THROWAWAY_OPTIONS,
    PostgresServer,
    create_missing_databases,
    running_postgres,
    with_database,
)
from embedded.server import ServerError, free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def server(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder / "postgres", options=THROWAWAY_OPTIONS)
    server.start()
    yield server
    server.stop()


async def write_fact(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE fact (text text); INSERT INTO fact VALUES ('kept')")
    await connection.close()


async def read(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_test_database_is_empty_and_knows_cyrillic(database: str) -> None:
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert await read(database, tables) == 0
    assert await read(database, "SELECT lower('ЁЖ')") == "ёж"


async def test_the_product_server_is_durable_and_ends_idle_transactions(folder: Path) -> None:
    async with running_postgres(folder / "postgres") as url:
        shown = {
            name: await read(url, f"SHOW {name}")
            for name in (
                *("fsync", "full_page_writes", "synchronous_commit", "server_encoding"),
                *("max_connections", "idle_in_transaction_session_timeout", "listen_addresses"),
            )
        }
        collation = "SELECT datlocale FROM pg_database WHERE datname = current_database()"
        assert await read(url, collation) == "C.UTF-8"
    assert shown == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "server_encoding": "UTF8",
        "max_connections": "200",
        "idle_in_transaction_session_timeout": "30s",
        "listen_addresses": "127.0.0.1",
    }


async def test_data_outlives_a_restart_on_another_port(server: PostgresServer) -> None:
    await write_fact(server.url())
    server.stop()
    again = PostgresServer(server.data_dir, free_port(), THROWAWAY_OPTIONS)
    await again.start_async()
    try:
        assert await read(again.url(), "SELECT text FROM fact") == "kept"
    finally:
        await again.stop_async()


async def test_data_outlives_a_killed_server(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    server.start()
    try:
        await write_fact(server.url())
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server.start()
        assert await read(server.url(), "SELECT text FROM fact") == "kept"
    finally:
        server.stop()


def test_files_that_name_somebody_else_are_seen_through(server: PostgresServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    pid_file = server.data_dir / "cluster" / "postmaster.pid"
    account = pid_file.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=account) as stranger:
        for path in (pid_file, server.socket_dir / f".s.PGSQL.{server.port}.lock"):
            _, _, rest = path.read_text().partition("\n")
            path.write_text(f"{stranger.pid}\n{rest}")
        server.start()
        assert asyncio.run(read(server.socket_url(), "SELECT 1")) == 1
        assert stranger.poll() is None
        stranger.kill()


def test_an_empty_pid_file_does_not_stand_in_the_way(server: PostgresServer) -> None:
    server.stop()
    (server.data_dir / "cluster" / "postmaster.pid").touch()
    server.start()
    assert asyncio.run(read(server.url(), "SELECT 1")) == 1


async def test_a_start_cut_off_in_the_middle_is_made_good(folder: Path) -> None:
    server = PostgresServer(folder / "postgres")
    for patience in (0.05, 0.15, 0.3):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await server.start_async()
        assert server.pid is None
    await server.start_async()
    try:
        assert await read(server.url(), "SELECT 1") == 1
    finally:
        await server.stop_async()


def test_two_servers_never_share_a_directory(server: PostgresServer) -> None:
    with pytest.raises(ServerError, match=f"process {os.getpid()} already runs"):
        PostgresServer(server.data_dir).start()


def test_a_taken_port_is_named(server: PostgresServer, folder: Path) -> None:
    with pytest.raises(ServerError, match=rf"(?s):{server.port} ended.*Address already in use"):
        PostgresServer(folder / "other", server.port, THROWAWAY_OPTIONS).start()


async def test_the_password_is_private_and_needed(server: PostgresServer) -> None:
    mode = (server.data_dir / "password").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    password = (server.data_dir / "password").read_text()
    for url in (server.url(), server.socket_url()):
        assert await read(url, "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url.replace(password, "guess"))


async def test_missing_databases_are_created_once(server: PostgresServer) -> None:
    for _ in range(2):
        await create_missing_databases(server.url(), ["booking", "billing"])
    await write_fact(with_database(server.url(), "booking"))
    assert await read(server.url("booking"), "SELECT text FROM fact") == "kept"


def test_a_killed_program_takes_its_server_along_and_the_next_one_starts(
    folder: Path,
) -> None:
    program = dedent("""
        import sys
        from pathlib import Path
        from embedded.postgres import PostgresServer
        server = PostgresServer(Path(sys.argv[1]))
        server.start()
        sys.stdout.write(f"{server.pid} {server.url()}\\n")
        sys.stdout.flush()
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder / "postgres")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid, url = owner.stdout.readline().split()
        asyncio.run(write_fact(url))
        owner.kill()
    server = PostgresServer(folder / "postgres")
    server.start()
    try:
        assert asyncio.run(read(server.url(), "SELECT text FROM fact")) == "kept"
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(f"/proc/{pid}").exists()
    finally:
        server.stop()


def test_it_runs_for_a_user_without_rights(folder: Path) -> None:
    program = dedent("""
        import os, sys
        from pathlib import Path
        from embedded.postgres import PostgresServer, THROWAWAY_OPTIONS
        if os.geteuid() == 0:
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
        server = PostgresServer(Path(sys.argv[1]), options=THROWAWAY_OPTIONS)
        server.start()
        sys.stdout.write(str((server.data_dir / "cluster").stat().st_uid == os.geteuid() != 0))
        server.stop()
    """)
    home = folder / "home"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program, str(home / "postgres")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True", "")

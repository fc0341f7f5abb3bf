"""A suite of throw-away programs is started, hurt and stopped."""

import asyncio
import contextlib
import json
import os
import runpy
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest

from embedded.declared import Suite
from embedded.preparation import Refused
from embedded.runtime import Runtime, load, supervisor_of
from embedded.server import free_port
from embedded.settings import inherited
from embedded.supervisor import Patience, StartFailed, Supervisor, run_until_signalled

pytestmark = pytest.mark.integration

TINY = Path(__file__).with_name("tiny_suite.py")
tiny: Callable[..., Suite] = runpy.run_path(str(TINY))["tiny"]

QUICK = Patience(until_healthy=10.0, until_stopped=0.5, first_pause=0.05, steady_after=60.0)


def four_free_ports() -> int:
    """The first of four neighbours that nobody listens on."""
    while True:
        first = free_port()
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError, OverflowError):
            for port in range(first, first + 4):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


class Trial:
    """A supervisor on a folder of its own, and what it said."""

    def __init__(self, data: Path, postgres: str | None) -> None:
        self.data = data
        self.port = four_free_ports()
        self.said: list[str] = []
        self._postgres = postgres
        self.longest_log = 1_000_000

    def supervisor(self, suite: Suite, patience: Patience = QUICK) -> Supervisor:
        return Supervisor(
            suite,
            self.data,
            self.said.append,
            first_port=self.port,
            chosen_ports={},
            environment=inherited(),
            external_postgres=self._postgres,
            patience=patience,
            longest_log=self.longest_log,
        )

    @contextlib.asynccontextmanager
    async def running(self, suite: Suite, patience: Patience = QUICK) -> AsyncIterator[Supervisor]:
        supervisor = self.supervisor(suite, patience)
        run = asyncio.create_task(supervisor.run())
        await asyncio.wait(
            (run, asyncio.create_task(self.until(lambda now: now.ready))),
            return_when=asyncio.FIRST_COMPLETED,
        )
        try:
            yield supervisor
        finally:
            supervisor.ask_to_stop()
            await run

    async def until(self, holds: Callable[[Runtime], bool]) -> Runtime:
        async with asyncio.timeout(20):
            while True:
                if (now := load(self.data)) and holds(now):
                    return now
                await asyncio.sleep(0.05)

    def now(self) -> Runtime:
        now = load(self.data)
        assert now is not None
        return now

    def pid(self, name: str) -> int:
        pid = self.now().processes[name].pid
        assert pid is not None
        return pid

    def pids(self) -> list[int]:
        return [self.pid(name) for name in self.now().processes]


def lives(pid: int) -> bool:
    """An orphan that has ended but that nobody has waited for yet lives no more."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in {"", "Z"}


@pytest.fixture
def trial(folder: Path, postgres_server: str) -> Trial:
    return Trial(folder / "data", postgres_server)


async def asked(url: str) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer: dict[str, str] = (await client.get(url)).json()
        return answer


async def test_it_starts_in_order_and_stops_in_reverse(trial: Trial) -> None:
    async with trial.running(tiny()):
        pids = trial.pids()
        environment = await asked(trial.now().processes["door"].url)
        assert environment["SECRET"] == "generated"
        connection = await asyncpg.connect(environment["DATABASE_URL"])
        assert await connection.fetchval("SELECT current_database()") == "tiny_facts"
        await connection.close()
    said = "\n".join(trial.said)
    assert said.index("cellar") < said.index("kitchen") < said.index("door")
    assert f"http://127.0.0.1:{trial.port}  the door" in said
    assert (trial.data / "diary").read_text().split() == ["door", "kitchen", "cellar"]
    assert not any(lives(pid) for pid in pids)
    assert load(trial.data) is None
    assert not (trial.data / "runtime.json").exists()


async def test_what_it_writes_is_private_and_kept(trial: Trial) -> None:
    async with trial.running(tiny()):
        for name in ("secrets.json", "runtime.json"):
            assert stat.S_IMODE((trial.data / name).stat().st_mode) == 0o600
        assert json.loads((trial.data / "clock.json").read_text()) == {"offset_seconds": 0}
        assert "door was here" in (trial.data / "logs" / "door.log").read_text()
    (trial.data / "secrets.json").write_text('{"secret": "kept"}')
    async with trial.running(tiny()):
        assert (await asked(trial.now().processes["door"].url))["SECRET"] == "kept"


async def test_a_log_that_grows_too_long_is_put_aside_while_its_program_runs(trial: Trial) -> None:
    trial.longest_log = len("door was here")
    log = trial.data / "logs" / "door.log"
    async with trial.running(tiny(), replace(QUICK, between_rotations=0.05)):
        async with asyncio.timeout(20):
            while not log.with_name("door.log.1").exists() or log.stat().st_size:  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.05)
        assert "door was here" in log.with_name("door.log.1").read_text()
        assert lives(trial.pid("door"))


async def test_a_killed_program_is_started_again(trial: Trial) -> None:
    async with trial.running(tiny()):
        killed = trial.pid("kitchen")
        os.kill(killed, signal.SIGKILL)
        now = await trial.until(
            lambda now: (
                now.processes["kitchen"].restarts == 1
                and now.processes["kitchen"].pid not in {None, killed}
            )
        )
        assert await asked(now.processes["kitchen"].url)
        assert now.processes["door"].restarts == 0
    said = "\n".join(trial.said)
    assert "! kitchen was ended by SIGKILL\n  starting kitchen again in 0.1 s" in said


async def test_a_taken_port_refuses_the_start(trial: Trial) -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", trial.port + 1))
        occupant.listen()
        with pytest.raises(Refused) as refused:
            await trial.supervisor(tiny()).run()
    assert str(refused.value) == (
        f"port {trial.port + 1} (kitchen) is taken: choose another one with KITCHEN_PORT="
    )
    assert trial.said == []
    assert supervisor_of(trial.data) is None


async def test_a_second_start_is_refused(trial: Trial) -> None:
    async with trial.running(tiny()):
        with pytest.raises(Refused, match=f"already running on .*: process {os.getpid()}"):
            await trial.supervisor(tiny()).run()
        assert await asked(trial.now().processes["door"].url)


async def test_a_program_that_is_never_healthy_shows_its_log(trial: Trial) -> None:
    hasty = Patience(until_healthy=1.0, until_stopped=0.5, first_pause=0.05, tries_at_start=1)
    with pytest.raises(StartFailed) as failed:
        await trial.supervisor(tiny("well", "sick"), hasty).run()
    assert str(failed.value).startswith("kitchen was not healthy in 1.0 s\n")
    assert "    kitchen was here" in str(failed.value)
    assert (trial.data / "diary").read_text().split() == ["cellar"]


async def test_a_program_that_breaks_at_once_is_tried_three_times(trial: Trial) -> None:
    with pytest.raises(StartFailed, match=r"kitchen ended with code 1\n(.*\n)*.*table: patience"):
        await trial.supervisor(tiny("well", "broken")).run()
    log = (trial.data / "logs" / "kitchen.log").read_text()
    assert log.count("kitchen was here") == 3


async def test_a_program_that_does_not_stop_is_killed(trial: Trial) -> None:
    async with trial.running(tiny("stubborn")):
        stubborn = trial.pid("door")
    assert not lives(stubborn)
    assert (trial.data / "diary").read_text().split() == ["kitchen", "cellar"]


async def test_a_signal_stops_everything(trial: Trial) -> None:
    run = asyncio.create_task(run_until_signalled(trial.supervisor(tiny())))
    await trial.until(lambda now: now.ready)
    pids = trial.pids()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(run, 20)
    assert not any(lives(pid) for pid in pids)


async def test_a_killed_database_server_comes_back_with_its_data(folder: Path) -> None:
    trial = Trial(folder / "data", postgres=None)
    async with trial.running(tiny()):
        url = trial.now().databases["tiny_facts"]
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE fact (text text); INSERT INTO fact VALUES ('kept')")
        killed = trial.pid("postgres")
        os.kill(killed, signal.SIGKILL)
        await trial.until(lambda now: now.processes["postgres"].pid not in {None, killed})
        connection.terminate()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT text FROM fact") == "kept"
        await connection.close()
        pids = trial.pids()
    assert not any(lives(pid) for pid in pids)
    (trial.data / "secrets.json").unlink()
    with pytest.raises(Refused, match=r"secrets\.json is gone"):
        await trial.supervisor(tiny()).run()


async def test_a_killed_supervisor_leaves_nothing_and_can_start_again(folder: Path) -> None:
    trial = Trial(folder / "data", postgres=None)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TINY), str(trial.data), str(trial.port)), stdout=subprocess.DEVNULL
    )
    await trial.until(lambda now: now.ready)
    pids = trial.pids()
    program.kill()
    await program.wait()
    async with trial.running(tiny()):
        assert not any(lives(pid) for pid in pids)
        assert await asked(trial.now().processes["door"].url)


async def test_ctrl_c_ends_the_program_without_an_error(folder: Path) -> None:
    trial = Trial(folder / "data", postgres=None)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TINY), str(trial.data), str(trial.port)),
        stdout=subprocess.PIPE,
        # As at a terminal, whatever started these tests.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    await trial.until(lambda now: now.ready)
    pids = trial.pids()
    program.send_signal(signal.SIGINT)
    said, _ = await program.communicate()
    assert program.returncode == 0
    assert said.decode().endswith("stopping\nstopped\n")
    assert not any(lives(pid) for pid in pids)

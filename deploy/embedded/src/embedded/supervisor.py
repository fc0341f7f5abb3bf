"""Starts the declared suite, keeps it running, and stops it without leaving anything behind."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import asyncpg
import httpx

from embedded.children import dies_with_its_parent
from embedded.declared import LOCAL, Machine, Process, Suite
from embedded.kafka import KafkaServer
from embedded.postgres import (
    PostgresServer,
    create_missing_databases,
    with_database,
)
from embedded.preparation import (
    Refused,
    check_ports,
    choose_ports,
    keep_bus,
    keep_clock,
    keep_secrets,
    rotate,
)
from embedded.private_files import InUse, LockFile
from embedded.runtime import RunningProcess, Runtime, forget, left_behind, lock_file, save
from embedded.server import Server, ServerError, last_lines

Say = Callable[[str], None]
POSTGRES, KAFKA = "postgres", "kafka"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds."""

    until_healthy: float = 60.0
    until_stopped: float = 15.0
    first_pause: float = 0.2
    longest_pause: float = 5.0
    steady_after: float = 10.0
    tries_at_start: int = 3
    between_rotations: float = 30.0

    def pause_after(self, failures: int) -> float:
        """Doubles with every failure in a row, up to the longest."""
        return min(self.first_pause * 2.0 ** min(failures - 1, 20), self.longest_pause)


class StartFailed(Exception):
    """A process did not come up; the message ends with the tail of its log."""


class Program(Protocol):
    """What the supervisor keeps alive."""

    @property
    def pid(self) -> int | None: ...

    async def start(self) -> None:
        """Returns when it is up, raises ``StartFailed`` when it does not get there."""

    async def ended(self) -> str:
        """Waits for its end and says how it came."""

    async def stop(self, within: float) -> None:
        """Asks it to stop; kills it when these seconds are over."""


class Command:
    """A program with a health address, its output in a log file."""

    def __init__(
        self, process: Process, environment: Mapping[str, str], log: Path, until_healthy: float
    ) -> None:
        self._process = process
        self._environment = environment
        self._log = log
        self._until_healthy = until_healthy
        self._running: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running else None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            log_began = log.tell()
            try:
                self._running = await asyncio.create_subprocess_exec(
                    *self._process.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                    start_new_session=True,  # the terminal's Ctrl-C is for the supervisor
                    preexec_fn=dies_with_its_parent(signal.SIGTERM),
                )
            except OSError as error:
                raise StartFailed(f"{self._process.name} cannot be run: {error}") from error
        end = asyncio.create_task(self._running.wait())
        healthy = asyncio.create_task(self._becomes_healthy())
        try:
            await asyncio.wait(
                (end, healthy), timeout=self._until_healthy, return_when=asyncio.FIRST_COMPLETED
            )
            if healthy.done() and not end.done():
                healthy.result()
                return
            how = (
                _how(end.result()) if end.done() else f"was not healthy in {self._until_healthy} s"
            )
        finally:
            healthy.cancel()
            end.cancel()
        await self._kill()
        raise StartFailed(
            "\n".join((f"{self._process.name} {how}", *last_lines(self._log, log_began)))
        )

    async def ended(self) -> str:
        if self._running is None:
            return "never ran"
        code = await self._running.wait()
        # What it may have started itself must not hold its port.
        _kill_group(self._running.pid)
        self._running = None
        return _how(code)

    async def stop(self, within: float) -> None:
        if (running := self._running) is None:
            return
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            running.terminate()
            async with asyncio.timeout(within):
                await running.wait()
        await self._kill()

    async def _kill(self) -> None:
        if self._running:
            _kill_group(self._running.pid)
            await self._running.wait()
            self._running = None

    async def _becomes_healthy(self) -> None:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(self._process.health)).is_success:
                        return
                await asyncio.sleep(0.1)


class OwnServer:
    """A server, and what has to be there before others may use it."""

    def __init__(self, server: Server, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self._server, self._then = server, then

    @property
    def pid(self) -> int | None:
        return self._server.pid

    async def start(self) -> None:
        try:
            await self._server.start_async()
            if self._then is not None:
                await self._then()
        except (ServerError, OSError, asyncpg.PostgresError) as error:
            raise StartFailed(str(error)) from error

    async def ended(self) -> str:
        while self._server.pid is not None:  # noqa: ASYNC110 - a process has no event to wait for
            await asyncio.sleep(0.1)
        return "ended"

    async def stop(self, within: float) -> None:
        # It must write everything down: its own patience, not that of the others, holds.
        await self._server.stop_async()


@dataclass(slots=True, kw_only=True)
class Kept:
    """A program and what the supervisor knows of it."""

    name: str
    program: Program
    needs: Sequence[str]
    up: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: int = 0


class Supervisor:
    """Runs one suite on one data directory until it is told to stop."""

    def __init__(
        self,
        suite: Suite,
        data: Path,
        say: Say,
        *,
        first_port: int,
        chosen_ports: Mapping[str, str],
        environment: Mapping[str, str],
        external_postgres: str | None = None,
        broker: bool = False,
        external_kafka: str | None = None,
        patience: Patience | None = None,
        longest_log: int = 10_000_000,
    ) -> None:
        """`longest_log`: about how many bytes; three older ones are kept beside it."""
        self._longest_log = longest_log
        self._suite = suite
        self._data = data.absolute()
        self._say = say
        self._first_port = first_port
        self._chosen_ports = chosen_ports
        self._environment = environment
        self._external_postgres = external_postgres
        self._uses_kafka, self._external_kafka = broker, external_kafka
        self._starts_kafka = broker and external_kafka is None
        self._patience = patience or Patience()
        self._processes: Mapping[str, Process] = {}
        self._kept: dict[str, Kept] = {}
        self._machine: Machine | None = None
        self._ready = False
        self._stop_asked = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Once: stop in order. Twice: kill what is still there."""
        if self._stop_asked.is_set():
            self._say("killing what is still there")
            for kept in self._kept.values():
                if isinstance(kept.program, Command) and kept.program.pid:
                    _kill_group(kept.program.pid)
        self._stop_asked.set()

    async def run(self) -> None:
        """Raises ``Refused`` before anything is started, ``StartFailed`` after stopping it all."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = LockFile(lock_file(self._data))
        try:
            lock.acquire()
        except InUse as held:
            raise Refused(f"already running on {self._data}: process {held.pid}") from held
        with lock:
            await self._prepare()
            await self._run_until_asked()

    async def _prepare(self) -> None:
        ports = choose_ports(self._suite, self._first_port, self._chosen_ports)
        unused = {POSTGRES: bool(self._external_postgres), KAFKA: not self._starts_kafka}
        ports = {name: port for name, port in ports.items() if not unused.get(name)}
        await asyncio.to_thread(check_ports, self._suite, ports, left_behind(self._data))
        keep_bus(self._data / "bus", KAFKA if self._uses_kafka else POSTGRES)
        server_url = self._external_postgres
        for folder in ("logs", "files", "sandbox"):
            (self._data / folder).mkdir(mode=0o700, exist_ok=True)
        secrets = keep_secrets(
            self._secrets_file,
            self._suite.secrets,
            has_data=(self._data / POSTGRES / "cluster" / "PG_VERSION").exists(),
        )
        if server_url is None:
            server = PostgresServer(self._data / POSTGRES, ports[POSTGRES], log=self._log(POSTGRES))
            server_url = server.url()
            create = partial(create_missing_databases, server_url, self._suite.databases)
            self._keep(POSTGRES, OwnServer(server, create), ())
        else:
            await self._use_external(server_url)
        databases = {name: with_database(server_url, name) for name in self._suite.databases}
        if self._starts_kafka:
            broker = KafkaServer(self._data / KAFKA, ports[KAFKA], log=self._log(KAFKA))
            self._keep(KAFKA, OwnServer(broker), ())
        self._machine = Machine(
            data=self._data,
            ports=ports,
            databases=databases,
            bus=self._bus(databases, ports),
            secrets=secrets,
            clock_file=self._data / "clock.json",
        )
        keep_clock(self._machine.clock_file)
        self._processes = {
            process.name: process for process in self._suite.processes(self._machine)
        }
        for process in self._processes.values():
            # What the operator has set wins over the table.
            environment = {**process.environment, **self._environment, "PYTHONUNBUFFERED": "1"}
            command = Command(
                process, environment, self._log(process.name), self._patience.until_healthy
            )
            needs = (*process.needs, *(name for name in (POSTGRES, KAFKA) if name in self._kept))
            self._keep(process.name, command, needs)

    def _bus(self, databases: Mapping[str, str], ports: Mapping[str, int]) -> str:
        if not self._uses_kafka:
            return databases.get("bus", "")
        return self._external_kafka or f"kafka://{LOCAL}:{ports[KAFKA]}"

    async def _use_external(self, url: str) -> None:
        try:
            await create_missing_databases(url, self._suite.databases)
        except (OSError, asyncpg.PostgresError) as error:
            raise Refused(f"the server of KABINET_POSTGRES_URL cannot be used: {error}") from error

    def _keep(self, name: str, program: Program, needs: Sequence[str]) -> None:
        self._kept[name] = Kept(name=name, program=program, needs=needs)

    async def _run_until_asked(self) -> None:
        self._rotate_logs()
        keepers = [asyncio.create_task(self._keep_alive(kept)) for kept in self._kept.values()]
        rotating = asyncio.create_task(self._keep_logs_short())
        asked = asyncio.create_task(self._stop_asked.wait())
        everything_up = asyncio.create_task(self._announce())
        try:
            # A keeper ends only by failing.
            await asyncio.wait((asked, *keepers), return_when=asyncio.FIRST_COMPLETED)
            for keeper in keepers:
                if keeper.done():
                    keeper.result()
        finally:
            others = (asked, everything_up, rotating, *keepers)
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._stop_everything()

    async def _keep_alive(self, kept: Kept) -> None:
        for name in kept.needs:
            await self._kept[name].up.wait()
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await kept.program.start()
            except StartFailed as failed:
                failures += 1
                if not kept.up.is_set() and failures >= self._patience.tries_at_start:
                    raise
                how, *_ = str(failed).splitlines()
            else:
                took = time.monotonic() - began
                self._say(f"  {kept.name:<20} {'back' if kept.up.is_set() else 'up'}, {took:.1f} s")
                kept.up.set()
                self._save()
                healthy_since = time.monotonic()
                how = f"{kept.name} {await kept.program.ended()}"
                if time.monotonic() - healthy_since > self._patience.steady_after:
                    failures = 0
                failures += 1
            pause = self._patience.pause_after(failures)
            self._say(f"! {how}\n  starting {kept.name} again in {pause:.1f} s")
            kept.restarts += 1
            self._save()
            await asyncio.sleep(pause)

    async def _keep_logs_short(self) -> None:
        while True:
            await asyncio.sleep(self._patience.between_rotations)
            try:
                await asyncio.to_thread(self._rotate_logs)
            except OSError as error:
                self._say(f"! a log cannot be rotated: {error}")

    def _rotate_logs(self) -> None:
        for name in self._kept:
            rotate(self._log(name), self._longest_log)

    async def _announce(self) -> None:
        for kept in self._kept.values():
            await kept.up.wait()
        self._ready = True
        self._save()
        self._say("")
        for process in self._processes.values():
            if process.shows and self._machine:
                self._say(f"  {self._machine.url(process.name)}  {process.shows}")
        self._say(f"  logs in {self._data / 'logs'}; Ctrl-C stops everything")

    async def _stop_everything(self) -> None:
        self._say("stopping")

        async def stop(kept: Kept) -> None:
            for other in self._kept.values():
                if kept.name in other.needs:
                    await other.stopped.wait()
            await kept.program.stop(self._patience.until_stopped)
            kept.stopped.set()

        await asyncio.gather(*(stop(kept) for kept in self._kept.values()))
        forget(self._data)
        self._say("stopped")

    def _save(self) -> None:
        if self._machine is None:
            return
        machine = self._machine
        save(
            self._data,
            Runtime(
                pid=os.getpid(),
                ready=self._ready,
                databases=machine.databases,
                processes={
                    kept.name: RunningProcess(
                        pid=kept.program.pid,
                        url=self._url(machine, kept.name),
                        log=str(self._log(kept.name)),
                        restarts=kept.restarts,
                    )
                    for kept in self._kept.values()
                },
                secrets_file=str(self._secrets_file),
                clock_file=str(machine.clock_file),
            ),
        )

    def _url(self, machine: Machine, name: str) -> str:
        if name in (POSTGRES, KAFKA):
            scheme = "postgresql" if name == POSTGRES else "kafka"
            return f"{scheme}://{LOCAL}:{machine.ports[name]}"
        return machine.url(name)

    @property
    def _secrets_file(self) -> Path:
        return self._data / "secrets.json"

    def _log(self, name: str) -> Path:
        return self._data / "logs" / f"{name}.log"


async def run_until_signalled(supervisor: Supervisor) -> None:
    """Ctrl-C, SIGTERM and a closed terminal ask it to stop."""
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            loop.add_signal_handler(number, supervisor.ask_to_stop)
    try:
        await supervisor.run()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)

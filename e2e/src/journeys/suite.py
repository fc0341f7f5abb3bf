"""The suite: found by its `runtime.json` and started when it does not run, or running elsewhere; with its `kabinet`."""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from embedded.runtime import RunningProcess, Runtime, load
from embedded.suite import KABINET
from service_kit.clock import SystemClock

__all__ = ["Suite", "elsewhere", "find", "free_ports", "launch", "start", "stop", "utc"]

_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Suite:
    """A running suite."""

    data: Path
    runtime: Runtime
    elsewhere: Sequence[str] = ()
    """What runs `kabinet` beside a suite that is not of this machine."""

    @property
    def command(self) -> Sequence[str]:
        """What runs `kabinet` on this suite."""
        here = (str(Path(sys.executable).parent / "kabinet"), f"--runtime={self.data}/runtime.json")
        return self.elsewhere or here

    def url(self, process: str) -> str:
        """The address of a process."""
        return self.runtime.processes[process].url

    def running(self) -> Runtime:
        """What runs now: process ids change with every restart. Raises RuntimeError when the suite has ended."""
        runtime = load(self.data)
        if runtime is None:
            raise RuntimeError(f"no suite runs on {self.data} any more")
        return runtime

    def now(self) -> datetime:
        """What the suite's clock shows."""
        return SystemClock(Path(self.runtime.clock_file)).now()

    async def forward_to(self, instant: datetime) -> None:
        """Move the clock of the suite forward to `instant`, if it is not there yet."""
        step = instant - self.now()
        if step > timedelta(0):
            await self.kabinet("clock", f"+{step.days}d{step.seconds + 1}s")

    async def kabinet(self, *arguments: str) -> str:
        """Run the command line; raises RuntimeError with what it said when it fails."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"kabinet {' '.join(arguments)}: {(out + err).decode().strip()}")
        return out.decode()

    async def timeline(self, appointment_id: str) -> list[dict[str, Any]]:
        """The whole story of an appointment, over all services, in order."""
        lines = await self.kabinet("timeline", "--appointment", appointment_id, "--json")
        return [json.loads(line) for line in lines.splitlines()]

    async def kabinet_json(self, *arguments: str) -> Any:
        """What a command that answers with JSON says."""
        return json.loads(await self.kabinet(*arguments))


def find(data: Path) -> Suite | None:
    """The suite that runs on `data`, when it is ready."""
    runtime = load(data)
    return Suite(data, runtime) if runtime is not None and runtime.ready else None


class _Addresses(msgspec.Struct, forbid_unknown_fields=True):
    urls: dict[str, str]
    kabinet: list[str]
    clock_file: str


def elsewhere(addresses: Path, data: Path) -> Suite:
    """A suite that others run, in containers for instance; what is downloaded goes to `data`.

    The file holds `urls` (of `gateway`, `mail`, `acquirer`), the command `kabinet` and the `clock_file` as seen from
    here. Raises msgspec.DecodeError, OSError.
    """
    found = msgspec.json.decode(addresses.read_bytes(), type=_Addresses)
    runtime = Runtime(
        pid=0,
        ready=True,
        databases={},
        processes={
            name: RunningProcess(pid=None, url=url, log="", restarts=0)
            for name, url in found.urls.items()
        },
        secrets_file="",
        clock_file=found.clock_file,
    )
    return Suite(data, runtime, found.kabinet)


async def start(
    data: Path, settings: Mapping[str, str] | None = None, *, port: int | None = None
) -> Suite:
    """Start the suite in a session of its own, so that it outlives this process, and wait until it is ready.

    Raises RuntimeError with the end of its output when it does not come up.
    """
    suite, _ = await launch(data, settings, port=port)
    return suite


async def launch(
    data: Path, settings: Mapping[str, str] | None = None, *, port: int | None = None
) -> tuple[Suite, asyncio.subprocess.Process]:
    """The same, with its supervisor, for who stays until the end."""
    log = _log_of(data)
    options = ["--data", str(data), *([] if port is None else ["--port", str(port)])]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("env", *(f"{name}={value}" for name, value in (settings or {}).items())),
            *(sys.executable, "-m", "embedded", "up", *options),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    patience = time.monotonic() + _START_SECONDS
    while time.monotonic() < patience and process.returncode is None:
        suite = find(data)
        if suite is not None:
            return suite, process
        await asyncio.sleep(0.1)
    if process.returncode is None:
        process.terminate()
        await process.wait()
    raise RuntimeError(f"the suite did not start:\n{log.read_text()[-3000:]}")


def _log_of(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    return data / "up.log"


async def stop(data: Path) -> None:
    """Stop the suite that runs on `data`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "embedded", "down", "--data", str(data)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


def free_ports() -> int:
    """The first of enough ports for a suite, below the range from which the system gives ports to connections."""
    wanted = len(KABINET.ports)
    return next(
        first
        for first in range(20_000, 32_000, wanted)
        if all(_is_free(port) for port in range(first, first + wanted))
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def utc(text: str) -> datetime:
    """An instant of the API."""
    return datetime.fromisoformat(text).astimezone(UTC)

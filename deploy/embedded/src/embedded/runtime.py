"""`<data>/runtime.json`: where the running suite is, for the other commands of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from embedded.private_files import holder_of, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    pid: int | None
    url: str
    log: str
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The addresses of databases hold a password: the file is private (0600)."""

    pid: int
    ready: bool
    databases: Mapping[str, str]
    processes: Mapping[str, RunningProcess]
    secrets_file: str
    clock_file: str


def lock_file(data: Path) -> Path:
    """Held by the supervisor of this data directory as long as it lives."""
    return data / "lock"


def supervisor_of(data: Path) -> int | None:
    """Process id of the supervisor that runs on this data directory now."""
    return holder_of(lock_file(data))


def save(data: Path, runtime: Runtime) -> None:
    write_private(data / "runtime.json", msgspec.json.format(msgspec.json.encode(runtime)))


def load(data: Path) -> Runtime | None:
    """The running suite; None when nothing runs, whatever an earlier run left behind."""
    runtime = left_behind(data)
    return runtime if runtime and runtime.pid == supervisor_of(data) else None


def left_behind(data: Path) -> Runtime | None:
    """What the last run wrote; a clean stop takes it away."""
    try:
        return msgspec.json.decode((data / "runtime.json").read_bytes(), type=Runtime)
    except FileNotFoundError:
        return None


def forget(data: Path) -> None:
    (data / "runtime.json").unlink(missing_ok=True)

"""Before anything starts: ports, secrets, the clock. Refuses rather than starting half of it."""

import errno
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from embedded.declared import LOCAL, Suite, port_variable
from embedded.private_files import write_private
from embedded.runtime import Runtime

# How long the processes of a killed run may take to leave their ports.
LEAVING_SECONDS = 10.0


class Refused(Exception):
    """Nothing was started; the message says what to change."""


def choose_ports(suite: Suite, first: int, chosen: Mapping[str, str]) -> Mapping[str, int]:
    """Numbers upwards from the first, save those that their variable names."""
    ports: dict[str, int] = {}
    for offset, name in enumerate(suite.ports):
        variable = port_variable(suite, name)
        given = chosen.get(variable, "") if offset else ""
        if given and not (given.isdecimal() and 0 < int(given) < 65536):
            raise Refused(f"{variable}={given} is not a port number (1 to 65535)")
        ports[name] = int(given) if given else first + offset
    for name, port in ports.items():
        twins = [other for other, its in ports.items() if its == port]
        if len(twins) > 1:
            raise Refused(f"port {port} is meant for {' and '.join(twins)}: {_choose(suite, name)}")
        if port > 65535:
            raise Refused(f"port {port} for {name} does not exist: {_choose(suite, name)}")
    return ports


def check_ports(suite: Suite, ports: Mapping[str, int], last_run: Runtime | None) -> None:
    """Every port must be free; a run that was killed gets a moment to leave its own."""
    deadline = time.monotonic() + (LEAVING_SECONDS if last_run else 0.0)
    while obstacles := {name: why for name in ports if (why := _obstacle(ports[name]))}:
        if time.monotonic() >= deadline:
            raise Refused(
                "\n".join(
                    f"port {ports[name]} ({name}) {why}: {_choose(suite, name)}"
                    for name, why in obstacles.items()
                )
            )
        time.sleep(0.1)


def keep_secrets(
    path: Path, makers: Mapping[str, Callable[[], str]], *, has_data: bool
) -> Mapping[str, str]:
    """Reads the secrets of this data directory; makes those that are not there yet."""
    if not path.exists() and has_data:
        raise Refused(
            f"{path} is gone, and without it the data beside it cannot be opened:"
            " put the file back, or start on another data directory"
        )
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: make() for name, make in makers.items() if name not in kept}
    if missing:
        kept |= missing
        write_private(path, json.dumps(kept, indent=2))
    return kept


def keep_bus(path: Path, bus: str) -> None:
    """What carries the events of this data directory: positions of one bus mean nothing on another one."""
    kept = path.read_text().strip() if path.exists() else bus
    if kept != bus:
        raise Refused(
            f"the events of {path.parent} travel over {kept}, not over {bus}:"
            " start with that profile, or on another data directory"
        )
    write_private(path, f"{bus}\n")


def keep_clock(path: Path) -> None:
    """The virtual clock of the suite: how far it is ahead of the real one."""
    if not path.exists():
        write_private(path, json.dumps({"offset_seconds": 0}))


def rotate(log: Path, over_bytes: int = 10_000_000, keep: int = 3) -> None:
    """Copies a log that has grown too long aside, `x.log` to `x.log.1` and so on, and empties it.

    Whoever has it open appends, and so goes on at its new end. A line that comes between the last byte copied and the
    emptying is lost.
    """
    if not log.exists() or log.stat().st_size <= over_bytes:
        return
    for number in range(keep - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copy2(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def _choose(suite: Suite, name: str) -> str:
    return f"choose another one with {port_variable(suite, name)}="


def _obstacle(port: int) -> str:
    """Why nobody can listen on this port now; empty when one can."""
    with socket.socket() as probe:
        # As servers do: connections of a server that has ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            return "is taken" if taken else f"cannot be used ({error.strerror})"
    return ""

"""Ports, secrets and logs before a start; the table of the suite; the commands."""

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.declared import LOCAL, Machine, Suite
from embedded.preparation import Refused, choose_ports, keep_bus, keep_secrets, rotate
from embedded.settings import inherited
from embedded.suite import KABINET, SERVICES

SMALL = Suite(ports=("door", "cellar"), databases=(), secrets={}, processes=lambda _machine: ())


def test_ports_follow_the_first_one() -> None:
    assert choose_ports(SMALL, 8080, {}) == {"door": 8080, "cellar": 8081}


def test_a_variable_chooses_one_port() -> None:
    ports = choose_ports(SMALL, 8080, {"PORT": "8080", "CELLAR_PORT": "9000"})
    assert ports == {"door": 8080, "cellar": 9000}


@pytest.mark.parametrize(
    ("first", "chosen", "message"),
    [
        (8080, {"CELLAR_PORT": "tcp://x"}, "CELLAR_PORT=tcp://x is not a port number"),
        (8080, {"CELLAR_PORT": "65536"}, "CELLAR_PORT=65536 is not a port number"),
        (8080, {"CELLAR_PORT": "8080"}, "port 8080 is meant for door and cellar: .* PORT="),
        (65535, {}, "port 65536 for cellar does not exist: .* CELLAR_PORT="),
    ],
)
def test_impossible_ports_are_refused(first: int, chosen: dict[str, str], message: str) -> None:
    with pytest.raises(Refused, match=message):
        choose_ports(SMALL, first, chosen)


def test_secrets_are_made_once_and_new_ones_added(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    keep_secrets(path, {"first": lambda: "one"}, has_data=False)
    kept = keep_secrets(path, {"first": lambda: "x", "second": lambda: "two"}, has_data=True)
    assert kept == json.loads(path.read_text()) == {"first": "one", "second": "two"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lost_secrets_are_not_replaced_when_there_is_data(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is gone"):
        keep_secrets(tmp_path / "secrets.json", {}, has_data=True)


def test_data_keeps_to_the_bus_that_it_began_with(tmp_path: Path) -> None:
    keep_bus(tmp_path / "bus", "postgres")
    keep_bus(tmp_path / "bus", "postgres")
    with pytest.raises(Refused, match="travel over postgres, not over kafka"):
        keep_bus(tmp_path / "bus", "kafka")


def test_a_long_log_is_copied_aside_and_three_old_ones_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "door.log"
    for round_ in "12345":
        log.write_text(round_ * 11)
        rotate(log, over_bytes=10)
    assert log.read_bytes() == b""
    old = {path.name: path.read_text()[0] for path in tmp_path.iterdir() if path != log}
    assert old == {"door.log.1": "5", "door.log.2": "4", "door.log.3": "3"}
    for length, left in ((9, 9), (10, 10), (11, 0)):
        log.write_text("x" * length)
        rotate(log, over_bytes=10)
        assert log.stat().st_size == left


def test_who_has_a_log_open_goes_on_at_its_new_end(tmp_path: Path) -> None:
    log = tmp_path / "door.log"
    with log.open("ab", buffering=0) as open_log:
        open_log.write(b"long ago\n")
        rotate(log, over_bytes=1)
        open_log.write(b"now\n")
    assert (log.read_bytes(), (tmp_path / "door.log.1").read_bytes()) == (b"now\n", b"long ago\n")


def machine_on(data: Path) -> Machine:
    return Machine(
        data=data,
        ports={name: 8080 + number for number, name in enumerate(KABINET.ports)},
        databases={name: f"postgresql://host/{name}" for name in KABINET.databases},
        bus="postgresql://host/bus",
        secrets={name: make() for name, make in KABINET.secrets.items()},
        clock_file=data / "clock.json",
    )


def test_no_secret_stands_on_a_command_line(tmp_path: Path) -> None:
    machine = machine_on(tmp_path)
    for process in KABINET.processes(machine):
        for name, secret in machine.secrets.items():
            assert secret not in " ".join(process.argv), f"{name} shows in {process.name}"


def test_the_table_of_the_suite_holds_together(tmp_path: Path) -> None:
    machine = machine_on(tmp_path)
    processes = {process.name: process for process in KABINET.processes(machine)}
    assert set(KABINET.ports) - set(processes) == {"smtp", "postgres", "kafka"}
    started: set[str] = set()
    while ready := {
        name
        for name, process in processes.items()
        if name not in started and started.issuperset(process.needs)
    }:
        started |= ready
    assert started == set(processes)
    known = json.loads(processes["identity"].environment["IDENTITY_SERVICE_SECRETS"])
    for name in SERVICES:
        environment = processes[name].environment
        assert environment[f"{name.upper()}_DATABASE_URL"] == f"postgresql://host/{name}"
        assert environment[f"{name.upper()}_SERVICE_SECRET"] == known[name]
    assert len(set(machine.secrets.values())) == len(machine.secrets)


def embedded(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "embedded", *arguments],
        env={**inherited(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_up_names_the_taken_port_and_leaves_no_trace_of_a_start(tmp_path: Path) -> None:
    with socket.socket() as occupant:
        occupant.bind((LOCAL, 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        code, said = embedded("up", "--data", str(tmp_path), PORT=str(port))
    assert code == 2
    assert f"port {port} (gateway) is taken: choose another one with PORT=" in said
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_up_refuses_what_is_no_port(tmp_path: Path) -> None:
    code, said = embedded("up", "--data", str(tmp_path), PORT="high")
    assert (code, said.startswith("PORT: ")) == (2, True)


def test_status_and_down_say_that_nothing_runs(tmp_path: Path) -> None:
    nothing = f"nothing runs on {tmp_path}\n"
    assert embedded("status", KABINET_DATA=str(tmp_path)) == (1, nothing)
    assert embedded("down", "--data", str(tmp_path)) == (0, nothing)

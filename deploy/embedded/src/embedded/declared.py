"""The words in which a suite is declared: its processes, ports, databases and secrets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOCAL = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is settled before the first process starts: where things are on this machine."""

    data: Path
    ports: Mapping[str, int]
    databases: Mapping[str, str]
    bus: str
    secrets: Mapping[str, str]
    clock_file: Path

    def url(self, name: str) -> str:
        """Base address of the process that listens on this port."""
        return f"http://{LOCAL}:{self.ports[name]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One program of the suite; it is up when its health address answers 200."""

    name: str
    argv: Sequence[str]
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    shows: str = ""
    """What a person finds at its address; empty when nobody has to look there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Everything that one machine runs.

    Ports are numbered upwards from the first; one of them is named ``postgres``, and one ``kafka`` when the suite can
    use a broker. One of the databases is named ``bus``: it carries the events when there is no broker.
    """

    ports: Sequence[str]
    databases: Sequence[str]
    secrets: Mapping[str, Callable[[], str]]
    processes: Callable[[Machine], Sequence[Process]]


def port_variable(suite: Suite, name: str) -> str:
    """The environment variable that chooses a port: ``PORT`` for the first of the table."""
    return "PORT" if name == suite.ports[0] else f"{name.upper()}_PORT"

"""A client with many connections, in a process of its own: it reads a Plan and writes an Outcome.

`python -m bench.load PLAN OUTCOME`, the paths of two files.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import httptools
import msgspec
import uvloop
from typing_extensions import override

TOOLS: Final = Path(__file__).parents[1]


class Plan(msgspec.Struct, frozen=True):
    """Requests as they go over the wire, and over how many connections."""

    host: str
    port: int
    connections: int
    requests: list[bytes]


class Outcome(msgspec.Struct, frozen=True):
    """The answers in the order of the requests: status, body, milliseconds."""

    seconds: float
    statuses: list[int]
    bodies: list[bytes]
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.statuses) / self.seconds


async def run(plan: Plan) -> Outcome:
    """Carry a plan out in another process."""
    with tempfile.TemporaryDirectory(prefix="kabinet-bench-load-") as folder:
        planned, found = Path(folder) / "plan", Path(folder) / "outcome"
        planned.write_bytes(msgspec.msgpack.encode(plan))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", str(planned), str(found)), cwd=TOOLS
        )
        if await process.wait():
            raise RuntimeError("the load generator failed")
        return msgspec.msgpack.decode(found.read_bytes(), type=Outcome)


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One request of HTTP/1.1."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    transport: asyncio.Transport
    headers: dict[str, str]
    """Of the last answer, by their names in small letters."""

    def __init__(self) -> None:
        self.headers = {}
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self._answer = asyncio.get_running_loop().create_future()
        self.headers = {}
        self.transport.write(request)
        return await self._answer

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        if self._answer is not None:
            self._answer.set_result((status, body))


async def carry_out(plan: Plan) -> Outcome:
    """Every connection takes the next request when it has its answer."""
    loop, clock = asyncio.get_running_loop(), time.perf_counter
    connections = [
        (await loop.create_connection(Connection, plan.host, plan.port))[1]
        for _ in range(plan.connections)
    ]
    answers: list[tuple[int, bytes, float]] = [(0, b"", 0.0)] * len(plan.requests)
    waiting = iter(enumerate(plan.requests))

    async def client(connection: Connection) -> None:
        for place, wanted in waiting:
            begun = clock()
            status, body = await connection.ask(wanted)
            answers[place] = status, body, (clock() - begun) * 1000

    begun = clock()
    await asyncio.gather(*map(client, connections))
    seconds = clock() - begun
    for connection in connections:
        connection.transport.abort()
    statuses, bodies, latencies = map(list, zip(*answers, strict=True))
    return Outcome(seconds, statuses, bodies, latencies)


def answered(outcomes: Sequence[Outcome], status: int) -> None:
    """Raises AssertionError when any answer has another status."""
    for outcome in outcomes:
        for found, body in zip(outcome.statuses, outcome.bodies, strict=True):
            if found != status:
                raise AssertionError(f"{found} instead of {status}: {body[:300]!r}")


if __name__ == "__main__":
    planned = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    Path(sys.argv[2]).write_bytes(msgspec.msgpack.encode(uvloop.run(carry_out(planned))))

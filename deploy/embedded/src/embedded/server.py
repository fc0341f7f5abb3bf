"""A server of our own on a data directory: what PostgreSQL and Kafka have in common here."""

import asyncio
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from embedded.private_files import InUse, LockFile

HOST = "127.0.0.1"


class ServerError(Exception):
    """The server did not do what was asked; the message is for the person at the terminal."""


class Server(ABC):
    """One server on one data directory, which holds ``server.log`` and a lock beside the data.

    ``start`` and ``stop`` block; a program with an event loop uses ``start_async``/``stop_async``.
    On Linux the server stops by itself when the thread that started it is gone.
    """

    product: ClassVar[str]
    stop_seconds: ClassVar[float]
    """For each of the signals."""
    stop_signals: ClassVar[Sequence[signal.Signals]]
    """From the kindest on."""

    def __init__(self, data_dir: Path, port: int | None, log: Path | None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self.log = log or self.data_dir / "server.log"
        self._lock = LockFile(self.data_dir / "lock")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it takes connections; the first time, make what it needs."""
        try:
            for pause in self._starting():
                time.sleep(pause)
        except BaseException:
            self.stop()
            raise

    async def start_async(self) -> None:
        """``start`` for a program with an event loop."""
        try:
            for pause in self._starting():
                await asyncio.sleep(pause)
        except BaseException:
            await self.stop_async()
            raise

    def stop(self) -> None:
        """Let the server write everything down, and wait for its end."""
        for pause in self._stopping():
            time.sleep(pause)

    async def stop_async(self) -> None:
        """``stop`` for a program with an event loop."""
        for pause in self._stopping():
            await asyncio.sleep(pause)

    @abstractmethod
    def _coming_up(self) -> Iterator[float]:
        """The steps of a start, yielding the seconds to wait before the next look; the directory is locked."""

    def _starting(self) -> Iterator[float]:
        if self.pid is not None:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except InUse as held:
            raise ServerError(
                f"process {held.pid} already runs {self.product} on {self.data_dir}"
            ) from held
        yield from self._coming_up()

    def _stopping(self) -> Iterator[float]:
        for with_signal in self.stop_signals:
            if self._process is None or self._process.poll() is not None:
                break
            self._process.send_signal(with_signal)
            for pause in until(self.stop_seconds):
                if self._process.poll() is not None:
                    break
                yield pause
        self._process = None
        self._lock.release()

    def _failed(self, what: str) -> ServerError:
        return ServerError(
            "\n".join((f"{self.product} on {HOST}:{self.port} {what}", *last_lines(self.log)))
        )


def free_port() -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def last_lines(log: Path, since: int = 0, count: int = 15) -> Sequence[str]:
    """The end of what a log got since it had so many bytes, under a line that names the file."""
    if not log.exists():
        return ()
    lines = log.read_bytes()[since:].decode(errors="replace").splitlines()[-count:]
    return (f"{log} ends:", *(f"    {line}" for line in lines))


def until(seconds: float) -> Iterator[float]:
    """Pauses to sleep until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield 0.02

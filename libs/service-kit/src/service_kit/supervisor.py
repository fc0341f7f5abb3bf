"""Long-running tasks of a process: named, restarted with growing pauses when they crash, stopped together."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from service_kit.errors import Unavailable
from service_kit.health import Health
from service_kit.metrics import TASK_CRASHES

__all__ = ["Supervisor", "Task"]

Task = Callable[[], Awaitable[None]]
"""Runs until it is cancelled; a cancelled one leaves nothing half done."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 30.0
_STEADY_SECONDS: Final = 30.0
_log = structlog.get_logger()


class Supervisor:
    """Keeps tasks running. A task that crashed lately degrades the health of its process."""

    def __init__(
        self, tasks: Mapping[str, Task], health: Health, *, first_pause: float = _FIRST_PAUSE
    ) -> None:
        self._tasks, self._first_pause = dict(tasks), first_pause
        self._running: list[asyncio.Task[None]] = []
        self._crashed_at: dict[str, float] = {}
        for name in tasks:
            health.add(f"task:{name}", self._check(name), required=False)

    def start(self) -> None:
        """Start every task."""
        self._running = [
            asyncio.create_task(self._keep(name, task), name=name)
            for name, task in self._tasks.items()
        ]

    async def stop(self, *, within: float) -> None:
        """Cancel every task and wait for them, at most `within` seconds."""
        for task in self._running:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=within)
            for task in late:
                _log.error("task.stuck", process=task.get_name())
        self._running = []

    def _check(self, name: str) -> Callable[[], Awaitable[None]]:
        async def check() -> None:
            if time.monotonic() - self._crashed_at.get(name, -_STEADY_SECONDS) < _STEADY_SECONDS:
                raise Unavailable(name)

        return check

    async def _keep(self, name: str, task: Task) -> None:
        pause = self._first_pause
        while True:
            started_at = time.monotonic()
            try:
                await task()
            except Exception as crash:  # noqa: BLE001 - the run loop: a crash is reported and the task begins again
                TASK_CRASHES.labels(name).inc()
                _log.error("task.crashed", process=name, exc_info=crash)
                self._crashed_at[name] = time.monotonic()
            else:
                _log.info("task.ended", process=name)
                return
            if time.monotonic() - started_at > _STEADY_SECONDS:
                pause = self._first_pause
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - not for secrets
            pause = min(_LONGEST_PAUSE, pause * 2)

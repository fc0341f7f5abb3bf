"""Chaos: processes are killed while journeys run; afterwards the log, the money and the letters must be right."""

import asyncio
import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from journeys.clinic import Clinic, open_clinic
from journeys.person import Refused
from journeys.proof import Check, at_rest, prove
from journeys.stories import STORIES, Setting, Telling
from journeys.suite import Suite, start, stop
from journeys.visit import Patient, free_slots, register

__all__ = ["Plan", "chaos"]

console = Console(highlight=False, soft_wrap=True)

_HOLD_MINUTES = 30
_POSTGRES_EVERY = 40
_TWINS = frozenset({"acquirer", "mail", "ca"})
_SETTINGS = {"GATEWAY_ANONYMOUS_WRITES_PER_MINUTE": "100000"}
_POLICIES = {
    "booking": {"unconfirmed_limit": 100, "hold_minutes": _HOLD_MINUTES},
    # A doctor may begin a day early, so that one clock serves all journeys.
    "consultation-room": {"take_lead_minutes": 24 * 60},
}
_CONTESTANTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of it. Everything random follows from the seed, except what the machine makes of it."""

    data: Path
    report: Path
    port: int
    journeys: int = 200
    seconds_between_kills: float = 1.0
    at_once: int = 8
    seed: int = 1
    limit_minutes: float = 15.0

    @property
    def clinics(self) -> int:
        return max(1, min(4, self.journeys // 60))

    @property
    def patients(self) -> int:
        return max(_CONTESTANTS, self.journeys // 4)


@dataclass(slots=True)
class Killer:
    """Ends processes of a suite without a warning."""

    suite: Suite
    dice: random.Random
    pause_seconds: float
    kills: Counter[str] = field(default_factory=Counter)

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(self.pause_seconds)
            self._kill_one()

    def _kill_one(self) -> None:
        runtime = self.suite.reread().runtime
        # The database is under all of them, so it is left alone most of the time; twins are not ours.
        if self.kills.total() % _POSTGRES_EVERY == _POSTGRES_EVERY // 4:
            weights = {"postgres": 1}
        else:
            weights = {name: 1 if name in _TWINS else 4 for name in runtime.processes}
            del weights["postgres"]
        running = {name: pid for name in weights if (pid := runtime.processes[name].pid)}
        if not running:
            return
        name = self.dice.choices(list(running), [weights[name] for name in running])[0]
        if _is_child_of(running[name], runtime.pid):
            os.kill(running[name], signal.SIGKILL)
            self.kills[name] += 1


def _is_child_of(pid: int, parent: int) -> bool:
    """A number in the file may be of a process that has ended since, and by now of somebody else's."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return int(status.rpartition(")")[2].split()[1]) == parent


async def chaos(plan: Plan) -> bool:
    """Run the journeys under kills and check everything; whether all holds."""
    began = time.monotonic()
    await asyncio.to_thread(_make_room, plan.data)
    console.print(f"starting a suite of its own on {plan.data}, seed {plan.seed}")
    suite = await start(plan.data, _SETTINGS, port=plan.port)
    try:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(
            base_url=suite.url("gateway"), timeout=20, limits=limits
        ) as http:
            run = Run(plan, suite, http)
            checks = await run.through()
            restarts = {
                name: process.restarts
                for name, process in suite.reread().runtime.processes.items()
                if process.restarts
            }
    finally:
        await stop(plan.data)
    return await asyncio.to_thread(_report, plan, run, checks, restarts, time.monotonic() - began)


class Run:
    """One run, from the first clinic to the last check."""

    def __init__(self, plan: Plan, suite: Suite, http: httpx.AsyncClient) -> None:
        self._plan, self._suite, self._http = plan, suite, http
        self._dice = random.Random(plan.seed)  # noqa: S311 - chooses, keeps no secret
        self._turns = asyncio.Semaphore(plan.at_once)
        self._patients: dict[int, asyncio.Task[Patient]] = {}
        self._killer = Killer(suite, self._dice, plan.seconds_between_kills)
        self._deadline = time.monotonic() + plan.limit_minutes * 60
        self.tales: list[Telling] = []

    @property
    def kills(self) -> Counter[str]:
        return self._killer.kills

    async def through(self) -> list[Check]:
        """Open, tell all stories under kills, move the clock, come to rest, prove."""
        clinics = await self._open()
        days = await self._write_tales(clinics)
        console.print(f"{len(self.tales)} journeys, {self._plan.at_once} at once, under kills")
        async with self._killing():
            await self._each(lambda setting: STORIES[setting.tale.kind].first(setting))
            console.print(f"all begun, {self.kills.total()} kills; the holds run out")
            await self._suite.forward_to(
                self._suite.now() + timedelta(minutes=_HOLD_MINUTES + 1)
            )
            await self._each(lambda setting: STORIES[setting.tale.kind].second(setting))
        console.print(f"all told, {self.kills.total()} kills; coming to rest")
        rest = [await at_rest(self._suite, self._http, 120)]
        for day in days:
            rest.append(await self._remind_before(day))
        console.print("checking")
        return [*rest, *await prove(self._suite, self._http, clinics[0].administrator, self.tales)]

    async def _open(self) -> list[Clinic]:
        """From six in the morning on, so that there are visits today and none is due soon."""
        zone = "Europe/Moscow"
        clinics = []
        await self._suite.forward_to(_next_six(self._suite.now(), zone))
        for number in range(self._plan.clinics):
            policies = _POLICIES if number == 0 else None
            clinics.append(await open_clinic(self._suite, self._http, zone=zone, policies=policies))
        for clinic in clinics:
            clinic.doctor.patience_seconds = clinic.administrator.patience_seconds = self._patience
        return clinics

    @property
    def _patience(self) -> float:
        return max(60.0, 120.0 * self._plan.seconds_between_kills)

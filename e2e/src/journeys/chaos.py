"""Chaos: processes are killed while journeys run; afterwards the log, the money and the letters must be right."""

import asyncio
import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console
from rich.table import Table
from websockets.exceptions import WebSocketException

from embedded.runtime import supervisor_of
from journeys.clinic import Clinic, open_clinic
from journeys.person import Refused
from journeys.proof import Check, at_rest, prove, up_now
from journeys.stories import STORIES, Half, Setting, Telling
from journeys.suite import Suite, free_ports, start, stop
from journeys.visit import DAY, Patient, free_slots, register

__all__ = ["Plan", "chaos"]

console = Console(highlight=False, soft_wrap=True)

_HOLD_MINUTES = 30
_POSTGRES_EVERY = 40
_MOST_DOWN = 3
_RARELY = frozenset({"acquirer", "mail", "ca", "kafka"})
_SETTINGS = {
    "GATEWAY_ANONYMOUS_WRITES_PER_MINUTE": "100000",
    # Cheap passwords: nobody here is real.
    "IDENTITY_ARGON2_MEMORY_KIB": "1024",
}
_POLICIES = {
    "booking": {"unconfirmed_limit": 100, "hold_minutes": _HOLD_MINUTES},
    # A doctor may begin a day early, so that one clock serves all journeys.
    "consultation-room": {"take_lead_minutes": 24 * 60},
}
_CONTESTANTS = 3
_ZONE = "Europe/Moscow"
# The last visit of a day begins at half past eight.
_EVENING = wall_time(20, 45)
_PATIENCE_SECONDS = 180.0
_REST_SECONDS = 120.0
_REMINDING_KILLS = 5
_MARK = "chaos"
_SHOWN = 20
_TROUBLES = (Refused, AssertionError, httpx.HTTPError, OSError, TimeoutError, WebSocketException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of it. Everything random follows from the seed, except what the machine makes of it."""

    data: Path
    report: Path
    port: int | None = None
    """The first of its suite's; None chooses free ones."""
    journeys: int = 200
    seconds_between_kills: float = 1.0
    at_once: int = 24
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
    """Ends processes of a suite without a warning: only such as are up, and never too many at once, since a suite of
    which nothing is up for longer than a moment proves nothing.
    """

    suite: Suite
    http: httpx.AsyncClient
    dice: random.Random
    pause_seconds: float
    kills: Counter[str] = field(default_factory=Counter)

    async def go_on(self) -> None:
        """Kill until cancelled."""
        while True:
            await asyncio.sleep(self.pause_seconds)
            await self._kill_one()

    async def _kill_one(self) -> None:
        runtime = self.suite.running()
        up = await up_now(self.http, runtime)
        if len(runtime.processes) - len(up) >= _MOST_DOWN:
            return
        if self.kills.total() % _POSTGRES_EVERY == _POSTGRES_EVERY // 4:
            weights = {"postgres": 1}
        else:
            # The outside world is not ours, and a broker is not of the same kind as the services.
            weights = {name: 1 if name in _RARELY else 4 for name in runtime.processes}
            del weights["postgres"]
            # Signing is tried again after 1, 5, 15 minutes (tested in conclusions): a run would last that long.
            del weights["ca"]
        possible = [name for name in weights if name in up]
        if not possible:
            return
        name = self.dice.choices(possible, [weights[name] for name in possible])[0]
        pid = runtime.processes[name].pid
        if pid is not None and _is_child_of(pid, runtime.pid):
            os.kill(pid, signal.SIGKILL)
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
    suite = await start(plan.data, _SETTINGS, port=plan.port or free_ports())
    try:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(
            base_url=suite.url("gateway"), timeout=20, limits=limits
        ) as http:
            run = Run(plan, suite, http)
            checks = await run.through()
            restarts = {
                name: process.restarts
                for name, process in suite.running().processes.items()
                if process.restarts
            }
    finally:
        await stop(plan.data)
    return await asyncio.to_thread(_report, plan, run, checks, restarts, time.monotonic() - began)


class Run:
    """One run, from the first clinic to the last check."""

    def __init__(self, plan: Plan, suite: Suite, http: httpx.AsyncClient) -> None:
        self._plan, self._suite, self._http = plan, suite, http
        self._turns = asyncio.Semaphore(plan.at_once)
        self._patients: dict[int, asyncio.Task[Patient]] = {}
        dice = random.Random(plan.seed)  # noqa: S311 - chooses, keeps no secret
        self._killer = Killer(suite, http, dice, plan.seconds_between_kills)
        self._deadline = asyncio.get_running_loop().time() + plan.limit_minutes * 60
        self.tales: list[Telling] = []

    @property
    def kills(self) -> Counter[str]:
        """By process."""
        return self._killer.kills

    async def through(self) -> list[Check]:
        """Open, tell all stories under kills, let the holds run out, remind, prove."""
        clinics = await self._open()
        days = await self._write_tales(clinics)
        console.print(f"{len(self.tales)} journeys, {self._plan.at_once} at once, under kills")
        async with self._killing():
            await self._each("begun", lambda setting: STORIES[setting.tale.kind].first(setting))
            console.print("the holds run out")
            await self._suite.forward_to(self._suite.now() + timedelta(minutes=_HOLD_MINUTES + 1))
            await self._each("ended", lambda setting: STORIES[setting.tale.kind].second(setting))
        rest = [await at_rest(self._suite, self._http, _REST_SECONDS)]
        for day in days:
            rest.append(await self._remind_before(day, clinics[0].zone))
        checks = await prove(self._suite, self._http, clinics[0].administrator, self.tales)
        return [*rest, *checks]

    async def _open(self) -> list[Clinic]:
        """From six in the morning on: there are visits today, and none is due soon."""
        await self._suite.forward_to(_next_six(self._suite.now()))
        clinics = [
            await open_clinic(
                self._suite, self._http, zone=_ZONE, policies=None if number else _POLICIES
            )
            for number in range(self._plan.clinics)
        ]
        for clinic in clinics:
            for person in (clinic.doctor, clinic.administrator):
                person.patience_seconds = _PATIENCE_SECONDS
        return clinics

    async def _write_tales(self, clinics: Sequence[Clinic]) -> Sequence[date]:
        """Give each journey its doctor and time; answers the days of those that are not today."""
        dice = random.Random(self._plan.seed)  # noqa: S311 - chooses, keeps no secret
        groups = _groups(self._plan.journeys)
        dice.shuffle(groups)
        today, last = self._suite.now(), 1
        soon = {clinic.clinician_id: await self._slots(clinic, today) for clinic in clinics}
        later: dict[UUID, list[str]] = {clinic.clinician_id: [] for clinic in clinics}
        for number, (kind, size) in enumerate(groups):
            clinic = clinics[number % len(clinics)]
            free = (soon if kind == "consults" else later)[clinic.clinician_id]
            if kind != "consults" and len(free) < 2:
                last += 1
                for each in clinics:
                    later[each.clinician_id] += await self._slots(each, today + last * DAY)
            starts_at, other_at = free.pop(0), free.pop(0) if kind == "moves" else ""
            self.tales += [
                Telling(
                    number=len(self.tales) + one,
                    kind=kind,
                    clinic=clinic,
                    starts_at=starts_at,
                    other_at=other_at,
                )
                for one in range(size)
            ]
        return [
            (today + days * DAY).astimezone(clinics[0].zone).date() for days in range(2, last + 1)
        ]

    async def _slots(self, clinic: Clinic, day: datetime) -> list[str]:
        return [slot["starts_at"] for slot in await free_slots(clinic.doctor, clinic, day)]

    async def _each(self, said: str, half: Half) -> None:
        done = 0

        async def tell(tale: Telling) -> None:
            nonlocal done
            async with self._turns:
                await self._tell(tale, half)
            done += 1
            if done % 20 == 0 or done == len(self.tales):
                console.print(f"  {done} {said}, {self.kills.total()} kills")

        await asyncio.gather(*(tell(tale) for tale in self.tales))

    async def _tell(self, tale: Telling, half: Half) -> None:
        if tale.trouble:
            return
        try:
            async with asyncio.timeout_at(self._deadline):
                patient = await self._patient(tale.number % self._plan.patients)
                tale.outcome = await half(Setting(self._suite, patient, tale))
        except _TROUBLES as trouble:
            tale.trouble = f"after {tale.outcome!r}: {type(trouble).__name__}: {trouble}"

    async def _patient(self, number: int) -> Patient:
        """Several journeys share a patient: a password costs more to check than a booking to make."""
        if number not in self._patients:
            self._patients[number] = asyncio.create_task(
                register(self._suite, self._http, patience_seconds=_PATIENCE_SECONDS)
            )
        return await asyncio.shield(self._patients[number])

    async def _remind_before(self, day: date, zone: ZoneInfo) -> Check:
        """The evening before, all reminders of a day have come due; kills go on for a moment."""
        evening = datetime.combine(day, _EVENING, zone) - timedelta(days=1)
        async with self._killing():
            await self._suite.forward_to(evening)
            await asyncio.sleep(_REMINDING_KILLS * self._plan.seconds_between_kills)
        return await at_rest(self._suite, self._http, _REST_SECONDS)

    @asynccontextmanager
    async def _killing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._killer.go_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))
        if not task.cancelled():
            task.result()


def _groups(journeys: int) -> list[tuple[str, int]]:
    """Kinds in their shares; those who compete stand together at one slot."""
    kinds = [kind for kind, story in STORIES.items() for _ in range(story.share)]
    wanted = Counter(kinds[number * 7 % len(kinds)] for number in range(journeys))
    full, rest = divmod(wanted.pop("competes", 0), _CONTESTANTS)
    sizes = [_CONTESTANTS] * full + ([rest] if rest else [])
    alone = [(kind, 1) for kind, count in wanted.items() for _ in range(count)]
    return [*alone, *(("competes", size) for size in sizes)]


def _next_six(now: datetime) -> datetime:
    local = now.astimezone(ZoneInfo(_ZONE))
    six = local.replace(hour=6, minute=0, second=0, microsecond=0)
    return six if local <= six else six + timedelta(days=1)


def _make_room(data: Path) -> None:
    """An earlier run leaves its data to be looked at; anything else in the way is not ours to take away."""
    mark = data / _MARK
    if data.exists() and any(data.iterdir()):
        if supervisor_of(data) is not None:
            raise RuntimeError(f"a suite runs on {data}")
        if not mark.exists():
            raise RuntimeError(f"{data} is not empty, and no earlier run of chaos made it")
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _report(
    plan: Plan,
    run: Run,
    checks: Sequence[Check],
    restarts: Mapping[str, int],
    seconds: float,
) -> bool:
    holds = not any(check.wrong for check in checks)
    outcomes = Counter(f"{tale.kind}: {tale.outcome or 'unknown'}" for tale in run.tales)
    journeys = Table("journeys", "", box=None)
    for what, count in sorted(outcomes.items()):
        journeys.add_row(what, str(count))
    processes = Table("process", "killed", "restarts", box=None)
    for name in sorted(run.kills | Counter(restarts)):
        processes.add_row(name, str(run.kills[name]), str(restarts.get(name, 0)))
    proven = Table("check", "found", "", box=None)
    for check in checks:
        proven.add_row(check.name, check.found, "[red]wrong[/]" if check.wrong else "[green]ok[/]")
    console.print(journeys, processes, proven)
    for check in checks:
        for line in check.wrong[:_SHOWN]:
            console.print(f"{check.name}: {line}", markup=False)
    console.print(
        f"{len(run.tales)} journeys, {run.kills.total()} kills, {seconds:.0f} s, seed {plan.seed}: "
        f"{'everything holds' if holds else 'something is wrong'}"
    )
    plan.report.parent.mkdir(parents=True, exist_ok=True)
    plan.report.write_text(
        json.dumps(
            {
                "holds": holds,
                "seed": plan.seed,
                "seconds": round(seconds),
                "journeys": len(run.tales),
                "at_once": plan.at_once,
                "seconds_between_kills": plan.seconds_between_kills,
                "outcomes": dict(sorted(outcomes.items())),
                "kills": dict(run.kills),
                "restarts": dict(restarts),
                "checks": [
                    {"name": check.name, "found": check.found, "wrong": list(check.wrong)}
                    for check in checks
                ],
            },
            ensure_ascii=False,
            indent=2,
        )
    )
    return holds

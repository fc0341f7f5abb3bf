"""Through the gateway: commands to their answers, claims on one slot, and when a view shows what was done."""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import httpx

from bench import bare, load
from bench.harness import Bench, Group, Reach, Result, alternate, middle
from bench.samples import NOON, an_id
from bench.suite import quiet, running_suite
from embedded.server import free_port
from journeys.clinic import Clinic, add_doctor, open_clinic
from journeys.person import Person
from journeys.suite import Suite
from journeys.visit import free_slots, register

CONNECTIONS: Final = 64
CLAIMANTS: Final = 200
MEASURED: Final = ("identity", "booking", "gateway")
WITHIN_MS: Final = 10.0
# A prime number, so that in turns everybody meets every doctor.
PATIENTS: Final = 17
DOCTORS: Final = 16
TEMPLATE: Final = {
    "name": "Будни, утро",
    "kinds": ["ONLINE"],
    "valid_from": "2026-12-01",
    "valid_to": "2027-05-31",
    "weekdays": ["MON", "WED", "FRI"],
    "first_at": "09:00",
    "last_at": "10:00",
    "cells": ["09:00", "09:30", "10:00"],
}
# So many one unconfirmed patient may have with one doctor.
_MOST_BOOKINGS: Final = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """Clinics with free slots, and signed-in patients and doctors."""

    patients: Sequence[Person]
    doctors: Sequence[Person]
    slots: Iterator[tuple[Clinic, str]]

    def reservation(self, patient: Person, clinic: Clinic, starts_at: str) -> bytes:
        """The request that reserves a slot, as it goes over the wire."""
        body = {
            "clinician_id": str(clinic.clinician_id),
            "starts_at": starts_at,
            "kind": "ONLINE",
            "service_id": str(clinic.service_id),
            "confirmed": True,
        }
        headers = self._headers(patient) | {"Idempotency-Key": str(an_id())}
        return load.request("POST", "/api/v1/appointments", headers, json.dumps(body).encode())

    def reservations(self, count: int) -> list[bytes]:
        """Each of another slot, by the patients in turns."""
        patients = itertools.cycle(self.patients)
        return [
            self.reservation(next(patients), clinic, starts_at)
            for clinic, starts_at in itertools.islice(self.slots, count)
        ]

    def templates(self, count: int) -> list[bytes]:
        """Requests that save a schedule template, by the doctors in turns; it is not switched on."""
        body = json.dumps(TEMPLATE).encode()
        return [
            load.request(
                "POST",
                "/api/v1/schedule-templates",
                self._headers(doctor) | {"Idempotency-Key": str(an_id())},
                body,
            )
            for doctor in itertools.islice(itertools.cycle(self.doctors), count)
        ]

    def reading(self, patient: Person, appointment_id: str, position: str) -> bytes:
        """The request that reads what was reserved, at least as fresh as its answer."""
        headers = self._headers(patient) | {"Kabinet-Position": position}
        return load.request("GET", f"/api/v1/appointments/{appointment_id}", headers)

    @staticmethod
    def _headers(person: Person) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {person.token}",
            "X-Kabinet-Tenant": person.tenant,
            "Accept-Language": "ru",
        }


async def through_the_gateway(bench: Bench) -> AsyncIterator[Result]:
    calls = bench.size(600, 100)
    turns = bench.rounds + 1
    with tempfile.TemporaryDirectory(prefix="kabinet-bench-suite-") as folder:
        data = Path(folder)
        async with running_suite(bench.server, data) as suite:
            prepared = await _prepare(suite, slots=(calls + 40) * turns)
        async with (
            bench.database() as database,
            running_bare(database) as port,
            running_suite(bench.server, data, MEASURED) as suite,
            httpx.AsyncClient(base_url=suite.url("gateway"), timeout=30) as http,
        ):
            for person in (*prepared.patients, *prepared.doctors):
                person.http = http
                await person.sign_in()
            async for result in _commands(bench, suite, prepared, port, calls):
                yield result
            yield await _claims(bench, suite, prepared)
            yield await _shown(bench, suite, prepared, database)


async def _prepare(suite: Suite, *, slots: int) -> Prepared:
    policies = {"booking": {"unconfirmed_limit": _MOST_BOOKINGS}}
    async with httpx.AsyncClient(base_url=suite.url("gateway"), timeout=30) as http:
        registered = await asyncio.gather(*(register(suite, http) for _ in range(PATIENTS)))
        patients = [patient.person for patient in registered]
        clinic = await open_clinic(suite, http, policies=policies)
        found = [await _slots(suite, clinic, patients[0])]
        while sum(map(len, found)) < slots:
            clinic = await open_clinic(suite, http, policies=policies)
            found.append(await _slots(suite, clinic, patients[0]))
        doctors = [
            await add_doctor(suite, http, clinic.tenant, clinic.branch_id) for _ in range(DOCTORS)
        ]
        for doctor in doctors:
            listed = f"/api/v1/doctors/{doctor.account['clinician_id']}"
            await doctor.until(listed, "the doctor is listed")
        await quiet(suite)
    mixed = filter(None, itertools.chain(*itertools.zip_longest(*found)))
    return Prepared(patients, doctors, mixed)


async def _slots(suite: Suite, clinic: Clinic, person: Person) -> list[tuple[Clinic, str]]:
    """The next is always on another day: streams are many, and each is met again as it grows."""
    days = []
    for ahead in range(1, 60):
        offered = await free_slots(person, clinic, suite.now() + timedelta(days=ahead))
        days.append([(clinic, slot["starts_at"]) for slot in offered])
    mixed = filter(None, itertools.chain(*itertools.zip_longest(*days)))
    return list(mixed)[: _MOST_BOOKINGS * PATIENTS]


async def _commands(
    bench: Bench, suite: Suite, prepared: Prepared, port: int, calls: int
) -> AsyncIterator[Result]:
    """Two commands beside one floor: one that nothing follows, and one whose saga shares the machine with it."""
    gateway = urlsplit(suite.url("gateway"))

    async def plain() -> load.Outcome:
        return await load.run(load.Plan("127.0.0.1", port, CONNECTIONS, _wishes(calls)))

    async def sent(requests: list[bytes]) -> load.Outcome:
        plan = load.Plan(gateway.hostname or "", gateway.port or 0, CONNECTIONS, requests)
        outcome = await load.run(plan)
        # What follows is not to run beside the floor.
        await quiet(suite)
        return outcome

    async def saved() -> load.Outcome:
        return await sent(prepared.templates(calls))

    async def reserved() -> load.Outcome:
        return await sent(prepared.reservations(calls))

    floor, alone, followed = await alternate(bench.rounds, plain, saved, reserved)
    load.answered([*floor, *alone, *followed], 201)
    work = f"gateway: an authenticated command to its 201, {CONNECTIONS} connections"
    for value, what in (
        (followed, "a reservation, with its saga beside it"),
        (alone, "a schedule template, which nothing follows"),
    ):
        yield Reach("at least", 0.4).result(
            f"{work} ({what})",
            "requests/s",
            middle(outcome.rate for outcome in value),
            middle(outcome.rate for outcome in floor),
        )


def _wishes(calls: int) -> list[bytes]:
    """The same body for the floor."""
    return [
        load.request(
            "POST",
            "/appointments",
            {"Authorization": "Bearer none", "Accept-Language": "ru"},
            json.dumps(
                {
                    "clinician_id": str(an_id()),
                    "starts_at": NOON.isoformat(),
                    "kind": "ONLINE",
                    "service_id": str(an_id()),
                    "confirmed": True,
                }
            ).encode(),
        )
        for _ in range(calls)
    ]


async def _claims(bench: Bench, suite: Suite, prepared: Prepared) -> Result:
    """Each claim over a connection of its own."""
    gateway = urlsplit(suite.url("gateway"))
    seconds, holds = [], True
    for _ in range(bench.rounds):
        clinic, starts_at = next(prepared.slots)
        patients = itertools.islice(itertools.cycle(prepared.patients), CLAIMANTS)
        requests = [prepared.reservation(patient, clinic, starts_at) for patient in patients]
        outcome = await load.run(
            load.Plan(gateway.hostname or "", gateway.port or 0, CLAIMANTS, requests)
        )
        await quiet(suite)
        seconds.append(outcome.seconds)
        answers = Counter(map(_answer, outcome.statuses, outcome.bodies))
        holds &= answers == {"201": 1, "409 SLOT_TAKEN": CLAIMANTS - 1}
    return Result(
        work=f"{CLAIMANTS} claims on one slot through HTTP",
        value=round(middle(seconds), 3),
        unit="s",
        floor=None,
        ratio=None,
        reach="one winner, every loser a 409",
        holds=holds,
    )


def _answer(status: int, body: bytes) -> str:
    return f"{status} {json.loads(body)['code']}" if status >= 400 else str(status)


async def _shown(bench: Bench, suite: Suite, prepared: Prepared, database: str) -> Result:
    """From the 201 to the answer of a read that waits for it; both pass the gateway."""
    gateway = urlsplit(suite.url("gateway"))
    tries = bench.size(30, 10)
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    _, connection = await asyncio.get_running_loop().create_connection(
        load.Connection, gateway.hostname or "", gateway.port or 0
    )

    async def plain() -> float:
        times = []
        for _ in range(tries):
            begun, key = time.perf_counter(), an_id()
            await pool.execute(bare.INSERT, key, an_id(), NOON, "ONLINE", an_id())
            await pool.fetchrow(bare.SELECT, key)
            times.append(time.perf_counter() - begun)
        return middle(times) * 1000

    async def shown() -> float:
        times = []
        for patient, (clinic, starts_at) in zip(
            itertools.cycle(prepared.patients), itertools.islice(prepared.slots, tries)
        ):
            status, body = await connection.ask(prepared.reservation(patient, clinic, starts_at))
            accepted = time.perf_counter()
            if status != 201:
                raise AssertionError(f"{status}: {body[:300]!r}")
            appointment_id = json.loads(body)["appointment_id"]
            position = connection.headers["kabinet-position"]
            status, body = await connection.ask(prepared.reading(patient, appointment_id, position))
            times.append(time.perf_counter() - accepted)
            if status != 200 or json.loads(body)["appointment_id"] != appointment_id:
                raise AssertionError(f"{status}: {body[:300]!r}")
        await quiet(suite)
        return middle(times) * 1000

    floor, value = map(middle, await alternate(bench.rounds, plain, shown))
    connection.transport.abort()
    await pool.close()
    return Result(
        work="command accepted to row visible in the read model, p50",
        value=round(value, 3),
        unit="ms",
        floor=round(floor, 3),
        ratio=round(value / floor, 3),
        reach=f"at most {WITHIN_MS:g} ms more",
        holds=value - floor <= WITHIN_MS,
    )


@asynccontextmanager
async def running_bare(database: str) -> AsyncIterator[int]:
    """The floor's server; gives its port."""
    connection = await asyncpg.connect(database)
    await connection.execute(bare.TABLE)
    await connection.close()
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, bare.__file__, str(port), database),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listens(port, process)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        with suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the server of the floor did not start")


MEASUREMENTS: Final[Group] = {"gateway": through_the_gateway}

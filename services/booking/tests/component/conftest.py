"""A whole booking service in one process: memory store and bus, real views, a clock that stands still."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import httpx
import pytest

from booking.bootstrap import DOCTOR_DAYS, SERVICE, build_api, build_booking, build_state
from booking.domain.doctor_day.verification import find_double_bookings
from booking.timers import DEADLINES
from contracts.billing import InvoicePaid, PricePublished
from contracts.fact import PublicEvent
from contracts.identity import BranchAdded, ClinicianRegistered, PatientRegistered
from contracts.topics import topic_of
from embedded.postgres import with_database
from event_store import EventFilter, EventStore
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore
from messaging import Envelope
from messaging.memory import MemoryBus
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from service_kit.database import open_pool
from service_kit.stage import Stage
from service_kit.testing import FixedClock, Tokens, api_client, make_kit
from timers import timers_view
from vocabulary.ids import TenantId

NAMESPACE = UUID("0190a000-0000-7000-8000-00000000beef")
TUESDAY = date(2026, 12, 1)
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


def some_id(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(NAMESPACE, name)


DOCTOR, OTHER_DOCTOR = some_id("doctor"), some_id("other doctor")
PATIENT, RIVAL = some_id("patient"), some_id("rival")
BRANCH, THERAPY, INVOICE = some_id("branch"), some_id("service"), some_id("invoice")
MORNINGS = {
    "name": "Mornings",
    "kinds": ["ONLINE"],
    "valid_from": "2026-12-01",
    "valid_to": "2026-12-31",
    "weekdays": ["MON", "TUE", "WED", "THU", "FRI"],
    "first_at": "10:00",
    "last_at": "11:00",
    "cells": ["10:00", "10:30", "11:00"],
}


class World:
    """One running booking service, and what its neighbours tell it."""

    doctor, other_doctor = DOCTOR, OTHER_DOCTOR
    patient, rival = PATIENT, RIVAL
    branch, service, invoice = BRANCH, THERAPY, INVOICE
    hold, moment = timedelta(minutes=15), timedelta(microseconds=1)
    mornings: Mapping[str, Any] = MORNINGS

    def __init__(self, store: EventStore, pool: asyncpg.Pool) -> None:
        self.kit = make_kit("booking", clock=FixedClock(NOW))
        assert isinstance(self.kit.clock, FixedClock)
        self.clock = self.kit.clock
        self.store, self.booking = store, build_booking(store)
        self.sealers = Sealers(MemoryKeyring())
        self.stage = Stage(SERVICE, self.booking, pool, self.clock, store=store)
        self.runner, self.queries = self.stage.runner, self.stage.queries
        self.bus, self.inbox = self.stage.bus, self.stage.inbox
        self.settle, self.pass_time = self.stage.settle, self.stage.pass_time
        state = build_state(self.booking, store, self.queries, self.stage.views, self.sealers)
        self.app = build_api(self.kit, state, self.stage.views)
        self.tokens = Tokens(self.clock)
        self.client: httpx.AsyncClient
        self._keys = count(1)

    async def tell(self, *facts: PublicEvent, tenant: str = "north", times: int = 1) -> None:
        """What other services publish; `times` for a bus that repeats itself."""
        for fact in facts:
            await self.stage.publish(topic_of(fact), fact, tenant=tenant, times=times)
        await self.settle()

    async def open_clinic(
        self,
        tenant: str = "north",
        zone: str = "Europe/Moscow",
        template: Mapping[str, Any] = MORNINGS,
    ) -> None:
        """A branch, a doctor, a price, two patients, and a schedule that is switched on."""
        await self.tell(
            BranchAdded(
                branch_id=BRANCH,
                name="Клиника на Тверской",
                address="Тверская, 1",
                phone="+74950000000",
                zone=zone,
            ),
            PricePublished(
                service_id=THERAPY,
                branch_id=BRANCH,
                department="Терапия",
                code="T-1",
                name="Приём терапевта, онлайн",
                price_kopecks=150_000,
            ),
            tenant=tenant,
        )
        await self.add_doctor(DOCTOR, tenant)
        for patient, last_name in ((PATIENT, "Иванов"), (RIVAL, "Сидоров")):
            await self.tell(await self.registered(patient, last_name, tenant), tenant=tenant)
        created = await self.send(
            "POST", "/api/v1/schedule-templates", template, who="clinician", tenant=tenant
        )
        path = f"/api/v1/schedule-templates/{created.json()['template_id']}/activation"
        await self.send("PUT", path, who="clinician", tenant=tenant)
        await self.settle()

    async def add_doctor(self, doctor: UUID, tenant: str = "north") -> None:
        """Identity tells of a doctor at the branch."""
        fact = ClinicianRegistered(
            clinician_id=doctor,
            account_id=some_id(f"account of {doctor}"),
            branch_id=BRANCH,
            last_name="Петрова",
            first_name="Алёна",
            patronymic="Ивановна",
            specialty="Терапевт",
            category="Высшая",
            language="ru",
        )
        await self.tell(fact, tenant=tenant)

    async def registered(
        self, patient: UUID, last_name: str, tenant: str = "north", status: str = "UNCONFIRMED"
    ) -> PatientRegistered:
        """What identity publishes of a new patient."""
        values = {"last_name": last_name, "first_name": "Пётр", "birth_date": "1990-01-01"}
        sealed = await self.sealers.of(TenantId(tenant)).seal_all(patient, values)
        return PatientRegistered(
            patient_id=patient,
            account_id=some_id(f"account of {patient}"),
            account_status=status,  # type: ignore[arg-type]  # one of the two words
            language="ru",
            sex="MALE",
            letters_allowed=True,
            **sealed,
        )

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str = "patient",
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **claims: Any,
    ) -> httpx.Response:
        """A request by a role: the patient and the doctor of this world unless claims say otherwise."""
        own = {"patient": {"patient_id": PATIENT}, "clinician": {"clinician_id": DOCTOR}}
        sent = self.tokens.headers(
            who, key=key or f"key-{next(self._keys)}", **{**own.get(who, {}), **claims}
        )
        return await self.client.request(
            method, path, json=body, headers={**sent, **(headers or {})}
        )

    async def get(self, path: str, **options: Any) -> Any:
        """The body of a successful read."""
        answer = await self.send("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def reserve(
        self,
        wall: str = "10:00",
        day: date = TUESDAY,
        offset: str = "+03:00",
        doctor: UUID = DOCTOR,
        **options: Any,
    ) -> httpx.Response:
        """Reserve the slot that begins at `wall` in Moscow, or where the offset is."""
        body = {
            "clinician_id": str(doctor),
            "starts_at": f"{day}T{wall}:00{offset}",
            "kind": "ONLINE",
            "service_id": str(THERAPY),
            "confirmed": True,
        }
        return await self.send("POST", "/api/v1/appointments", body, **options)

    async def reserved(self, wall: str = "10:00", **options: Any) -> str:
        """The id of a new appointment that is paid."""
        answer = await self.reserve(wall, **options)
        assert answer.status_code == 201, answer.text
        await self.settle()
        appointment_id = str(answer.json()["appointment_id"])
        await self.pay(appointment_id, tenant=options.get("tenant", "north"))
        return appointment_id

    async def pay(self, appointment_id: str, *, tenant: str = "north", times: int = 1) -> None:
        """Billing has the money."""
        await self.tell(
            InvoicePaid(
                invoice_id=INVOICE,
                appointment_id=UUID(appointment_id),
                patient_id=PATIENT,
                total_kopecks=150_000,
                payment_id=some_id("payment"),
                paid_at=self.clock.now(),
            ),
            tenant=tenant,
            times=times,
        )

    async def status_of(self, appointment_id: str, **options: Any) -> tuple[str, str]:
        """Where an appointment and its payment stand."""
        shown = await self.get(f"/api/v1/appointments/{appointment_id}", **options)
        return shown["status"], shown["payment_status"]

    async def free(self, day: date = TUESDAY, doctor: UUID = DOCTOR) -> list[str]:
        """When the free slots of a day begin."""
        shown = await self.get(f"/api/v1/doctors/{doctor}/slots?date={day}")
        return [slot["starts_at"][11:16] for slot in shown["slots"]]

    async def double_bookings(self) -> int:
        """What the checker finds in the whole log."""
        where = EventFilter(categories=frozenset({"doctor-day"}))
        pages = self.store.read_all(where=where)
        events = [event async for page in pages for event in DOCTOR_DAYS.decode_all(page.events)]
        return len(find_double_bookings(events))

    async def deadlines(self) -> list[datetime | None]:
        """When timers are due."""
        return [timer.due_at for timer in await self.queries.all(timers_view(DEADLINES))]

    async def set_policy(self, key: str, value: object) -> None:
        """An administrator changes a rule of the clinic."""
        body = {"key": key, "value": value, "reason": "TRIAL"}
        answer = await self.send("PUT", "/api/v1/policies/booking", body, who="administrator")
        assert answer.status_code == 200, answer.text

    async def told(self) -> list[str]:
        """The facts that booking has published, by name."""
        return [envelope.type for envelope in await self.envelopes()]

    async def envelopes(self) -> list[Envelope]:
        """Everything on booking's own topic, in the order of the store."""
        assert isinstance(self.bus, MemoryBus)
        topic = self.bus._topics["booking.events"]
        return sorted(
            (envelope for partition in topic for envelope in partition),
            key=lambda envelope: envelope.position,
        )


@pytest.fixture
async def empty_world(database: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(asyncpg.create_pool(database, min_size=1))
        world = World(MemoryEventStore(), pool)
        await world.runner.drain()
        world.client = await stack.enter_async_context(api_client(world.app))
        yield world


@pytest.fixture
async def world(empty_world: World) -> World:
    await empty_world.open_clinic()
    return empty_world


@pytest.fixture
async def postgres_world(database: str) -> AsyncIterator[World]:
    """The same with the events in PostgreSQL, and everything running as in production."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(database, application_name="tests"))
        store = await PostgresEventStore.open(pool)
        stack.push_async_callback(store.close)
        world = World(store, pool)
        await world.runner.drain()
        world.client = await stack.enter_async_context(api_client(world.app))
        await world.open_clinic()
        yield world


@pytest.fixture
def bus_database(postgres_administrator: Any) -> Iterator[str]:
    """A second empty database."""
    name = postgres_administrator.create()
    yield with_database(postgres_administrator.url, name)
    postgres_administrator.drop(name)

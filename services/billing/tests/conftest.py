"""Billing in one process against the sandbox acquirer over real HTTP, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from billing.adapters.yookassa import YooKassa, YooKassaProfile
from billing.api.dependencies import Gate
from billing.application import Billing
from billing.bootstrap import SERVICE, build_api, build_billing
from billing.domain.payment.commands import ExpirePayment
from billing.domain.policies import BillingPolicies
from billing.domain.verification import MoneyReport, verify_money
from contracts.billing import FACTS
from contracts.booking import (
    AppointmentCancelled,
    AppointmentRequested,
    AppointmentReserved,
    LatePaymentRefused,
)
from contracts.fact import PublicEvent
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS
from event_store import CommandContext, EventStore, Metadata
from event_store.memory import MemoryEventStore
from messaging import Envelope, Runnable, batch_consumer
from messaging.testing import drain, running
from policies import PolicyBook
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import ProjectionRunner
from sandbox.acquirer.acquirer import Acquirer as SandboxAcquirer
from sandbox.acquirer.acquirer import Shop
from sandbox.acquirer.bootstrap import build as build_acquirer
from sandbox.acquirer.notifier import Notifier
from sandbox.testing import Till, receipt
from sandbox.web import listen
from service_kit.http import Patience, ProviderClient
from service_kit.ids import new_id
from service_kit.stage import Stage
from service_kit.testing import FixedClock, Tokens, api_client, make_kit

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECRETS = {"north": "north-key", "south": "south-key"}
PATIENT = UUID("0190c000-0000-7000-8000-000000000001")
OTHER = UUID("0190c000-0000-7000-8000-000000000002")
BRANCH = UUID("0190c000-0000-7000-8000-000000000003")
THERAPY = UUID("0190c000-0000-7000-8000-000000000004")
DOCTOR = UUID("0190c000-0000-7000-8000-000000000005")
PRICE = 150_000
HASTY = Patience(attempts=2, first_pause=0.001, longest_pause=0.002, break_after=1000)


class Callbacks(httpx.AsyncBaseTransport):
    """Carries notifications into whichever application is under test; nobody is there before."""

    def __init__(self) -> None:
        self.app: FastAPI | None = None
        self.bodies: list[bytes] = []

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(await request.aread())
        if self.app is None:
            raise httpx.ConnectError("nobody listens")
        return await httpx.ASGITransport(self.app).handle_async_request(request)


@dataclass
class Acquirer:
    """The sandbox acquirer: its address, the hands of each shop and payer, and the way of its notifications."""

    url: str
    tills: Mapping[str, Till]
    callbacks: Callbacks
    books: SandboxAcquirer
    notifier: Notifier

    @property
    def north(self) -> Till:
        return self.tills["north"]

    async def payments(self, tenant: str = "north") -> list[dict[str, Any]]:
        return await self._list("payments", tenant)

    async def refunds(self, tenant: str = "north") -> list[dict[str, Any]]:
        return await self._list("refunds", tenant)

    async def _list(self, kind: str, tenant: str) -> list[dict[str, Any]]:
        client = self.north.client
        answer = await client.get(f"/sandbox/{kind}", params={"shop_id": f"shop-{tenant}"})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def acquirer(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Acquirer]:
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    callbacks = Callbacks()
    app = build_acquirer(
        folder=tmp_path,
        clock=clock.now,
        shops=[
            Shop(
                id=f"shop-{tenant}",
                secret=secret,
                callback_url=f"http://billing/api/v1/callbacks/yookassa/{tenant}",
                fiscal=True,
            )
            for tenant, secret in SECRETS.items()
        ],
        public_url=url,
    )
    # Its lifespan would deliver notifications all the time; tests want to say when.
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
        httpx.AsyncClient(transport=callbacks) as sender,
    ):
        books: SandboxAcquirer = app.state.acquirer
        tills = {name: Till(client, f"shop-{name}", key) for name, key in SECRETS.items()}
        yield Acquirer(url, tills, callbacks, books, Notifier(books, sender))
    server.should_exit = True
    await serving
    books.ledger.close()


@pytest.fixture
async def provider(acquirer: Acquirer) -> AsyncIterator[YooKassa]:
    profiles = {
        tenant: YooKassaProfile(shop_id=f"shop-{tenant}", secret=secret)
        for tenant, secret in SECRETS.items()
    }
    async with ProviderClient.open("yookassa", acquirer.url, patience=HASTY) as client:
        yield YooKassa(client, profiles)


@dataclass(kw_only=True)
class World:
    """The whole service, driven by hand."""

    clock: FixedClock
    acquirer: Acquirer
    store: EventStore
    stage: Stage
    ear: Runnable
    billing: Billing
    app: FastAPI
    client: httpx.AsyncClient
    keyring: MemoryKeyring
    told: list[tuple[str, PublicEvent]] = field(default_factory=list)

    @property
    def runner(self) -> ProjectionRunner:
        return self.stage.runner

    @property
    def flows(self) -> Mapping[str, Runnable]:
        return {**self.stage.flows, "ear": self.ear}

    async def settle(self) -> None:
        """Let everything happen that follows from what has happened."""
        await drain(*self.flows.values())
        await self.runner.drain()

    async def pass_time(self, **by: float) -> None:
        """Let time pass, and everything happen that it brings."""
        self.clock.set(self.clock.now() + timedelta(**by))
        await self.runner.drain()
        await self.stage.timers.fire_due()
        await self.settle()

    def headers(self, role: str, *, tenant: str = "north", **claims: Any) -> dict[str, str]:
        claims.setdefault("key", str(new_id()))
        return Tokens(self.clock).headers(role, tenant=tenant, **claims)

    def as_patient(self, patient: UUID = PATIENT, **claims: Any) -> dict[str, str]:
        return self.headers("patient", patient_id=patient, **claims)

    async def booking_says(self, event: PublicEvent, *, tenant: str = "north") -> None:
        await self.stage.publish(BOOKING_EVENTS, event, tenant=tenant)
        await self.settle()

    async def sell(self, *, tenant: str = "north", price: int = PRICE) -> None:
        answer = await self.client.post(
            "/api/v1/price-list/services",
            json={
                "branch_id": str(BRANCH),
                "service_id": str(THERAPY),
                "department": "Терапия",
                "code": "B01.047.001",
                "name": "Приём терапевта",
                "price_kopecks": price,
            },
            headers=self.headers("administrator", tenant=tenant),
        )
        assert answer.status_code == 201, answer.text
        await self.settle()

    async def withdraw(self) -> None:
        """The service is not sold any more."""
        answer = await self.client.delete(
            f"/api/v1/price-list/services/{THERAPY}",
            params={"branch_id": str(BRANCH)},
            headers=self.headers("administrator"),
        )
        assert answer.status_code == 204, answer.text
        await self.settle()

    async def invoice(self, appointment_id: UUID, **claims: Any) -> dict[str, Any]:
        answer = await self.client.get(
            "/api/v1/invoices",
            params={"appointment_id": str(appointment_id)},
            headers=self.headers("manager", **claims),
        )
        (invoice,) = answer.json()["items"]
        found: dict[str, Any] = invoice
        return found

    async def requested(
        self,
        *,
        tenant: str = "north",
        patient: UUID = PATIENT,
        hold_minutes: int | None = 15,
        **more: Any,
    ) -> UUID:
        """An appointment with its invoice."""
        appointment_id = new_id()
        await self.booking_says(
            appointment(
                AppointmentRequested,
                appointment_id,
                patient,
                hold_expires_at=None
                if hold_minutes is None
                else self.clock.now() + timedelta(minutes=hold_minutes),
                **more,
            ),
            tenant=tenant,
        )
        return appointment_id

    async def pay(
        self, invoice_id: str, *, patient: UUID = PATIENT, **claims: Any
    ) -> httpx.Response:
        """Begin to pay, beside the flows that bring the redirect."""
        async with running(*self.flows.values()):
            answer = await self.client.post(
                f"/api/v1/invoices/{invoice_id}/payments",
                json={
                    "return_url": "https://clinic.example/back",
                    "receipt_email": "Anna@Example.org",
                },
                headers=self.as_patient(patient, **claims),
            )
        await self.settle()
        return answer

    async def reserve(
        self, appointment_id: UUID, patient: UUID = PATIENT, *, status: str = "PAID", **more: Any
    ) -> None:
        await self.booking_says(
            appointment(AppointmentReserved, appointment_id, patient, payment_status=status, **more)
        )

    async def cancel(
        self, appointment_id: UUID, patient: UUID = PATIENT, *, tenant: str = "north", **more: Any
    ) -> None:
        """By the patient, in time, unless `more` says otherwise."""
        await self.booking_says(cancellation(appointment_id, patient, **more), tenant=tenant)

    async def lapse(self, appointment_id: UUID, patient: UUID = PATIENT) -> None:
        """The hold ends."""
        how: dict[str, Any] = {"by": "SYSTEM", "reason": "HOLD_EXPIRED", "was_reserved": False}
        await self.cancel(appointment_id, patient, **how)

    async def refuse_late_payment(self, appointment_id: UUID, patient: UUID = PATIENT) -> None:
        invoice = await self.invoice(appointment_id)
        await self.booking_says(
            LatePaymentRefused(
                appointment_id=appointment_id,
                patient_id=patient,
                invoice_id=invoice["invoice_id"],
            )
        )

    async def paid(self, *, patient: UUID = PATIENT, hold_minutes: int | None = 15) -> UUID:
        """A reserved and paid appointment."""
        appointment_id = await self.requested(patient=patient, hold_minutes=hold_minutes)
        invoice = await self.invoice(appointment_id)
        answer = await self.pay(invoice["invoice_id"], patient=patient)
        await self.press_pay(answer)
        await self.reserve(appointment_id, patient)
        return appointment_id

    async def press_pay(self, answer: httpx.Response) -> None:
        """The payer pays on the provider's page, and the notification arrives."""
        page = answer.json()["confirmation_url"]
        (await self.acquirer.north.press_pay(page.rpartition("/")[2])).raise_for_status()
        await self.notified()

    async def notified(self) -> None:
        """Every notification that is due arrives."""
        while await self.acquirer.notifier.deliver_due():
            await self.settle()

    def facts(self, *kinds: type[PublicEvent], tenant: str = "north") -> list[Any]:
        """What billing has told the others."""
        return [fact for who, fact in self.told if who == tenant and isinstance(fact, kinds)]

    async def money(self) -> MoneyReport:
        """The checker's word on the whole log."""
        events = [
            (event.meta().tenant, SERVICE.codec.decode(event))
            async for page in self.store.read_all()
            for event in page.events
        ]
        return verify_money(events)

    async def payment(self, answer: httpx.Response) -> dict[str, Any]:
        path = f"/api/v1/payments/{answer.json()['payment_id']}"
        found: dict[str, Any] = (
            await self.client.get(path, headers=self.headers("manager"))
        ).json()
        return found

    async def refunds(self, **query: str) -> list[dict[str, Any]]:
        headers = self.headers("administrator")
        answer = await self.client.get("/api/v1/refunds", params=query, headers=headers)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def set_policy(self, key: str, value: object) -> None:
        answer = await self.client.put(
            "/api/v1/policies/billing",
            json={"key": key, "value": value, "reason": "TRIAL"},
            headers=self.headers("administrator"),
        )
        assert answer.status_code == 200, answer.text

    async def policy_of(self, kind: str) -> int | None:
        """The version of the policies that the newest event of a type was decided by."""
        newest = [
            event.meta().policy
            async for page in self.store.read_all()
            for event in page.events
            if event.type == kind
        ]
        return newest[-1]

    async def subjects_of(self, kind: str) -> list[str | None]:
        """Whose story each event of a type belongs to (OPS-02)."""
        return [
            event.meta().subject
            async for page in self.store.read_all()
            for event in page.events
            if event.type == kind
        ]

    async def expire(self, answer: httpx.Response) -> None:
        """A payment ends here, whatever the provider's page does."""
        payment_id = answer.json()["payment_id"]
        metadata = Metadata(
            tenant="north",
            actor="service:billing",
            role="service",
            time=self.clock.now(),
            correlation=new_id(),
        )
        await self.billing.payments.handle(
            ExpirePayment(now=self.clock.now(), closed_by_provider=True),
            key=payment_id,
            context=CommandContext(command_id=new_id(), metadata=metadata),
        )
        await self.settle()

    async def until_redirected(self, answer: httpx.Response) -> None:
        """Let the flows try again until the provider has taken the payment."""
        async with running(*self.flows.values()), asyncio.timeout(20):
            while True:
                await self.runner.drain()
                if (await self.payment(answer))["confirmation_url"]:
                    break
                await asyncio.sleep(0.05)

    async def paid_by_check(self) -> UUID:
        """Paid, noticed by polling, reserved and cancelled: no notification ever comes."""
        appointment_id = await self.paid()
        await self.pass_time(seconds=30)
        await self.cancel(appointment_id)
        return appointment_id

    async def handle_all_again(self) -> None:
        """As if every position had been forgotten."""
        await self.stage.handle_all_again(self.billing)

    def minutes(self, number: float) -> timedelta:
        return timedelta(minutes=number)

    def some_id(self) -> UUID:
        return new_id()

    def part_receipt(self, value: str) -> dict[str, Any]:
        return receipt(value)

    async def stored(self) -> Sequence[str]:
        """The types of all stored events, in order."""
        return [event.type async for page in self.store.read_all() for event in page.events]


def appointment(kind: Any, appointment_id: UUID, patient: UUID = PATIENT, **more: Any) -> Any:
    """A fact of booking about an online appointment on the first of December."""
    facts = {
        "appointment_id": appointment_id,
        "patient_id": patient,
        "clinician_id": DOCTOR,
        "doctor_name": "Петрова А. И.",
        "specialty": "Терапевт",
        "branch_id": BRANCH,
        "zone": "Europe/Moscow",
        "kind": "ONLINE",
        "service_id": THERAPY,
        "starts_at": datetime(2026, 12, 1, 10, 0, tzinfo=UTC),
        "ends_at": datetime(2026, 12, 1, 10, 30, tzinfo=UTC),
        "payment_mode": "PAY_TO_BOOK",
    }
    return kind(**(facts | more))


def cancellation(
    appointment_id: UUID, patient: UUID = PATIENT, **more: Any
) -> AppointmentCancelled:
    """The patient cancels in time, unless `more` says otherwise."""
    facts: dict[str, Any] = {
        "appointment_id": appointment_id,
        "patient_id": patient,
        "clinician_id": DOCTOR,
        "starts_at": datetime(2026, 12, 1, 10, 0, tzinfo=UTC),
        "by": "PATIENT",
        "reason": "OTHER",
        "was_reserved": True,
        "lead_minutes": 500,
        "refund_eligible": True,
    }
    return AppointmentCancelled(**(facts | more))


@pytest.fixture
def store() -> EventStore:
    return MemoryEventStore()


@pytest.fixture
async def world(
    database: str,
    clock: FixedClock,
    acquirer: Acquirer,
    provider: YooKassa,
    store: EventStore,
) -> AsyncIterator[World]:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=5)
    keyring = MemoryKeyring()
    policies = PolicyBook(store, BillingPolicies, service="billing", fresh_seconds=0)
    billing = build_billing(store, provider, Sealers(keyring), policies)
    stage = Stage(SERVICE, billing, pool, clock, store=store)
    told: list[tuple[str, PublicEvent]] = []
    kinds = {kind.type_name(): kind for kind in FACTS}

    async def hear(_: object, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            fact = kinds[envelope.type].model_validate_json(envelope.data)
            told.append((envelope.tenant, fact))

    ear = batch_consumer(
        name="ear", topic=BILLING_EVENTS, types=kinds, apply=hear, bus=stage.bus, inbox=stage.inbox
    )
    app = build_api(
        make_kit("billing", clock=clock),
        billing,
        policies,
        Gate(sources=(ip_network("127.0.0.0/8"),)),
        views=stage.views,
        queries=stage.queries,
    )
    await stage.runner.drain()
    acquirer.callbacks.app = app
    async with api_client(app) as client:
        made = World(
            clock=clock,
            acquirer=acquirer,
            store=store,
            stage=stage,
            ear=ear,
            billing=billing,
            app=app,
            client=client,
            keyring=keyring,
            told=told,
        )
        await made.sell()
        yield made
    acquirer.callbacks.app = None
    await pool.close()

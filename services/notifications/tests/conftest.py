"""Notifications in one process against the sandbox's mail sink: real SMTP, SMS over HTTP, a clock that stands still."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from contracts.billing import (
    InvoiceCancelled,
    InvoicePaid,
    PaymentFailed,
    RefundDeclinedByPolicy,
    RefundRequested,
    RefundSucceeded,
)
from contracts.booking import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentReserved,
)
from contracts.fact import PublicEvent
from contracts.identity import (
    BranchAdded,
    ClinicianRegistered,
    ConfirmationCodeIssued,
    OrganisationRegistered,
    PatientRegistered,
)
from contracts.topics import topic_of
from event_store import EventStore
from event_store.memory import MemoryEventStore
from messaging import Inbox
from messaging.memory import MemoryBus, MemoryInbox
from messaging.testing import running, until
from notifications.adapters.sms_ru import SmsRu
from notifications.adapters.smtp import SmtpMailer, SmtpServer
from notifications.application import Notifications
from notifications.application.ports import Carrier
from notifications.application.wording import Wording
from notifications.bootstrap import SERVICE, build_api, build_notifications, build_policies
from notifications.domain.message_types import Channel
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from sandbox.mail_sink.bootstrap import build as build_mail
from sandbox.testing import Mail
from sandbox.web import listen
from service_kit.http import Patience, ProviderClient
from service_kit.stage import Stage
from service_kit.testing import FixedClock, Tokens, api_client, make_kit
from vocabulary.ids import TenantId

NAMESPACE = UUID("0190a000-0000-7000-8000-00000000feed")
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


def some_id(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(NAMESPACE, name)


PATIENT, DOCTOR, BRANCH = some_id("patient"), some_id("doctor"), some_id("branch")
APPOINTMENT, INVOICE, PAYMENT = some_id("appointment"), some_id("invoice"), some_id("payment")
ANNA, PETROVA, PHONE = "anna@example.org", "petrova@clinic.example", "79161234567"


def plain(text: str) -> str:
    """With plain spaces for no-break ones."""
    return text.translate({0xA0: " ", 0x202F: " "})


class World:
    """One running notifications service, and what its neighbours tell it."""

    start, patient, doctor, appointment = START, PATIENT, DOCTOR, APPOINTMENT
    anna, petrova, phone = ANNA, PETROVA, PHONE

    def __init__(
        self,
        store: EventStore,
        inbox: Inbox,
        pool: asyncpg.Pool,
        mail: Mail,
        http: httpx.AsyncClient,
    ) -> None:
        self.kit = make_kit("notifications", clock=FixedClock(NOW))
        assert isinstance(self.kit.clock, FixedClock)
        self.clock = self.kit.clock
        self.store, self.pool, self.mail = store, pool, mail
        self.keyring = MemoryKeyring()
        self.sealers, self.policies = Sealers(self.keyring), build_policies(store)
        self.wording = Wording(self.kit.texts, "https://cabinet.example")
        self.provider = ProviderClient("mail", http, Patience(attempts=1, break_after=1000))
        self.notifications = self.build(self.carriers())
        self.bus = MemoryBus()
        self.stage = Stage(
            SERVICE, self.notifications, pool, self.clock, store=store, bus=self.bus, inbox=inbox
        )
        self.runner, self.settle, self.pass_time = (
            self.stage.runner,
            self.stage.settle,
            self.stage.pass_time,
        )
        state = {
            "policies": self.policies,
            "queries": self.stage.queries,
            "wording": self.wording,
        }
        self.app = build_api(self.kit, state, self.stage.views)
        self.tokens = Tokens(self.clock)
        self.client: httpx.AsyncClient
        self._keys = count(1)

    @property
    def inbox(self) -> Inbox:
        return self.stage.inbox

    def build(self, carriers: Mapping[Channel, Carrier]) -> Notifications:
        return build_notifications(self.store, self.policies, self.sealers, self.wording, carriers)

    def carriers(
        self, *, lookup: bool = True, smtp_port: int | None = None, letter_seconds: float = 20.0
    ) -> dict[Channel, Carrier]:
        """The real adapters, towards the sink."""
        server = SmtpServer(
            host="127.0.0.1",
            port=smtp_port or self.mail.smtp_port,
            security="none",
            sender="clinic@kabinet.example",
            senders={"south": "south@clinic.example"},
            letter_seconds=letter_seconds,
        )
        return {
            Channel.EMAIL: SmtpMailer(server, self.provider if lookup else None, self.clock),
            Channel.SMS: SmsRu(self.provider, SecretStr("sms-key")),
        }

    def start_up(
        self, carriers: Mapping[Channel, Carrier] | None = None, inbox: Inbox | None = None
    ) -> None:
        """Start the service, or start it again, over the same store and inbox unless another one is given."""
        self.notifications = self.build(carriers or self.carriers())
        self.stage.store = self.store
        self.stage.start(self.notifications, inbox)

    @asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """Have the service run beside the body, so that what was put off is tried again."""
        async with running(*self.stage.flows.values()):
            yield

    async def arrived(self, letters: int, to: str = ANNA) -> None:
        """Wait until so many letters are in the sink and everything is recorded."""

        async def there() -> bool:
            sent = [one for one in await self.told() if one == "MessageSent.v1"]
            return len(await self.letters(to)) >= letters and len(sent) >= letters

        await until(there, timeout=30)

    async def publish(self, *facts: PublicEvent, tenant: str = "north", times: int = 1) -> None:
        """What other services put on the bus; `times` for a bus that repeats itself."""
        for fact in facts:
            await self.stage.publish(topic_of(fact), fact, tenant=tenant, times=times)

    async def tell(self, *facts: PublicEvent, tenant: str = "north", times: int = 1) -> None:
        """Publish, and let everything happen that follows."""
        for fact in facts:
            await self.publish(fact, tenant=tenant, times=times)
            await self.settle()

    async def open_clinic(self, tenant: str = "north", **patient: Any) -> None:
        """A clinic with a branch, a doctor and a patient."""
        await self.tell(
            OrganisationRegistered(
                organisation_id=some_id("organisation"), legal_name="ООО «Север»", languages=("ru",)
            ),
            BranchAdded(
                branch_id=BRANCH,
                name="На Тверской",
                address="Тверская, 1",
                phone="+74950000000",
                zone="Europe/Moscow",
            ),
            await self.doctor_registered(tenant),
            await self.patient_registered(tenant, **patient),
            tenant=tenant,
        )

    async def patient_registered(
        self,
        tenant: str = "north",
        *,
        email: str | None = ANNA,
        phone: str | None = f"+{PHONE}",
        letters_allowed: bool = True,
        language: str = "ru",
    ) -> PatientRegistered:
        seal = self.sealers.of(TenantId(tenant)).seal
        return PatientRegistered(
            patient_id=PATIENT,
            account_id=some_id("account"),
            account_status="CONFIRMED",
            language=language,
            last_name=await seal(PATIENT, "last_name", "Иванова"),
            first_name=await seal(PATIENT, "first_name", "Анна"),
            birth_date=await seal(PATIENT, "birth_date", "1990-01-01"),
            sex="FEMALE",
            email=await seal(PATIENT, "email", email) if email else None,
            phone=await seal(PATIENT, "phone", phone) if phone else None,
            letters_allowed=letters_allowed,
        )

    async def doctor_registered(self, tenant: str = "north") -> ClinicianRegistered:
        return ClinicianRegistered(
            clinician_id=DOCTOR,
            account_id=some_id("doctor's account"),
            branch_id=BRANCH,
            last_name="Петрова",
            first_name="Алёна",
            specialty="Терапевт",
            email=await self.sealers.of(TenantId(tenant)).seal(DOCTOR, "email", PETROVA),
            language="ru",
        )

    def fact(self, starts_at: datetime = START, **more: Any) -> dict[str, Any]:
        """The fields that booking repeats in its main facts."""
        return {
            "appointment_id": APPOINTMENT,
            "patient_id": PATIENT,
            "clinician_id": DOCTOR,
            "doctor_name": "Петрова Алёна",
            "specialty": "Терапевт",
            "branch_id": BRANCH,
            "zone": "Europe/Moscow",
            "kind": "ONLINE",
            "service_id": some_id("service"),
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=30),
            "payment_mode": "PAY_TO_BOOK",
            **more,
        }

    def requested(self, **more: Any) -> AppointmentRequested:
        return AppointmentRequested(**self.fact(**more))

    def reserved(self, **more: Any) -> AppointmentReserved:
        return AppointmentReserved(**{"payment_status": "PAID", **self.fact(**more)})

    def moved(self, step: timedelta, sequence: int = 1) -> AppointmentRescheduled:
        return AppointmentRescheduled(
            **self.fact(START + step),
            previous_starts_at=START,
            previous_ends_at=START + timedelta(minutes=30),
            sequence=sequence,
        )

    def cancelled(self, **more: Any) -> AppointmentCancelled:
        fact: dict[str, Any] = {
            "appointment_id": APPOINTMENT,
            "patient_id": PATIENT,
            "clinician_id": DOCTOR,
            "starts_at": START,
            "by": "PATIENT",
            "reason": "ILL",
            "was_reserved": True,
            "lead_minutes": 600,
            "refund_eligible": True,
        }
        return AppointmentCancelled(**{**fact, **more})

    def completed(self) -> AppointmentCompleted:
        return AppointmentCompleted(
            appointment_id=APPOINTMENT, patient_id=PATIENT, clinician_id=DOCTOR
        )

    def decided(
        self, outcome: str = "RETURNED", cause: str = "CANCELLED_IN_TIME"
    ) -> RefundRequested | RefundDeclinedByPolicy | InvoiceCancelled:
        """Billing's word about the money of a cancelled appointment."""
        ids = {"invoice_id": INVOICE, "appointment_id": APPOINTMENT, "patient_id": PATIENT}
        payment = {**ids, "payment_id": PAYMENT, "amount_kopecks": 150_000}
        if outcome == "RETURNED":
            return RefundRequested.model_validate({**payment, "cause": cause})
        if outcome == "KEPT":
            return RefundDeclinedByPolicy.model_validate({**payment, "lead_minutes": 10})
        return InvoiceCancelled.model_validate({**ids, "total_kopecks": 150_000})

    def money(self) -> tuple[InvoicePaid, PaymentFailed, RefundSucceeded]:
        """Money that came, did not come, and went back."""
        ids = {"invoice_id": INVOICE, "appointment_id": APPOINTMENT, "patient_id": PATIENT}
        payment = {**ids, "payment_id": PAYMENT, "amount_kopecks": 150_000}
        return (
            InvoicePaid.model_validate(
                {**ids, "payment_id": PAYMENT, "total_kopecks": 150_000, "paid_at": NOW}
            ),
            PaymentFailed.model_validate({**payment, "reason": "insufficient_funds"}),
            RefundSucceeded.model_validate({**payment, "cause": "CANCELLED_IN_TIME"}),
        )

    async def code_issued(
        self, *, email: str | None = ANNA, phone: str | None = None, language: str = "ru"
    ) -> ConfirmationCodeIssued:
        seal = self.sealers.of(TenantId("north")).seal
        return ConfirmationCodeIssued(
            attempt_id=some_id("attempt"),
            patient_id=PATIENT,
            code=await seal(PATIENT, "code", "482913"),
            expires_at=self.clock.now() + timedelta(minutes=15),
            language=language,
            email=await seal(PATIENT, "email", email) if email else None,
            phone=await seal(PATIENT, "phone", phone) if phone else None,
        )

    async def letters(self, to: str = ANNA) -> list[dict[str, Any]]:
        """What arrived at an address."""
        found: list[dict[str, Any]] = await self.mail.messages(kind="email", to=to, limit=500)
        return [
            {name: plain(value) if isinstance(value, str) else value for name, value in one.items()}
            for one in found
        ]

    async def sms(self) -> list[str]:
        return [plain(str(one["text"])) for one in await self.mail.messages(kind="sms", limit=500)]

    async def subjects(self, to: str = ANNA) -> list[str]:
        return [str(letter["subject"]) for letter in await self.letters(to)]

    async def calendar(self, letter: Mapping[str, Any]) -> str:
        """The invitation of a letter."""
        [attachment] = letter["attachments"]
        assert attachment["content_type"] == "text/calendar"
        return (await self.mail.client.get(attachment["url"])).text

    async def forget(self) -> None:
        """Empty the sink."""
        await self.mail.client.delete("/messages")

    async def send(
        self, method: str, path: str, body: Any = None, *, who: str = "patient", **claims: Any
    ) -> httpx.Response:
        own = {"patient": {"patient_id": PATIENT}, "clinician": {"clinician_id": DOCTOR}}
        language = claims.pop("language", "ru")
        headers = self.tokens.headers(
            who, key=f"key-{next(self._keys)}", **{**own.get(who, {}), **claims}
        )
        return await self.client.request(
            method, path, json=body, headers={**headers, "Accept-Language": language}
        )

    async def get(self, path: str, **options: Any) -> Any:
        """The body of a successful read."""
        answer = await self.send("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return json.loads(plain(answer.text))

    async def set_policy(self, key: str, value: object) -> None:
        body = {"key": key, "value": value, "reason": "TRIAL"}
        answer = await self.send("PUT", "/api/v1/policies/notifications", body, who="administrator")
        assert answer.status_code == 200, answer.text

    async def told(self) -> list[str]:
        """The facts that notifications has published, by name."""
        topic = self.bus._topics.get("notifications.events", ())
        return sorted(envelope.type for partition in topic for envelope in partition)


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    """A running sink: SMTP on a real socket, HTTP in process."""
    listener = listen("127.0.0.1", 0)
    app = build_mail(folder=tmp_path, clock=lambda: NOW, smtp_listener=listener, api_id="sms-key")
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://mail.test") as client,
    ):
        yield Mail(client=client, smtp_port=listener.getsockname()[1])


@pytest.fixture
async def empty_world(database: str, mail: Mail) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(asyncpg.create_pool(database, min_size=1))
        world = World(MemoryEventStore(), MemoryInbox(), pool, mail, mail.client)
        await world.runner.drain()
        world.client = await stack.enter_async_context(api_client(world.app))
        yield world


@pytest.fixture
async def world(empty_world: World) -> World:
    await empty_world.open_clinic()
    return empty_world

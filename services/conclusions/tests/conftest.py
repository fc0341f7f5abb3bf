"""The service in this process: memory store and bus, a real database, the sandbox authority, files in a folder."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from typing_extensions import override

from conclusions.adapters.document_signer import PadesDocumentSigner
from conclusions.adapters.pdf_document import PdfPrinter
from conclusions.adapters.sandbox_certificates import SandboxCertificateAuthority
from conclusions.adapters.signing_keys import PostgresSigningKeys
from conclusions.application import Conclusions
from conclusions.application.ports import AUTHORITY
from conclusions.bootstrap import SERVICE, build_api, build_conclusions
from contracts.booking import AppointmentReserved
from contracts.consultation_room import ConsultationCompleted
from contracts.fact import PublicEvent
from contracts.identity import ClinicianRegistered, OrganisationRegistered, PatientRegistered
from contracts.topics import CONCLUSIONS_EVENTS, topic_of
from event_store import EventStore, RecordedEvent
from event_store.memory import MemoryEventStore
from file_store import SealedFiles
from file_store.folder import FolderFileStore
from messaging import Envelope
from messaging.bus import BEGINNING, AssignedPartition
from messaging.testing import drain, until
from privacy.keyring import MasterKeys
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import ProjectionRunner
from sandbox.certificate_authority.bootstrap import build as build_authority
from service_kit.database import migrate
from service_kit.http import Patience, ProviderClient
from service_kit.ids import new_id
from service_kit.kit import Kit
from service_kit.stage import Stage
from service_kit.testing import FixedClock, Tokens, api_client, make_kit
from vocabulary.ids import TenantId

STARTS_AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DOCTOR = UUID("01936f00-0000-7000-8000-0000000000d1")
COLLEAGUE = UUID("01936f00-0000-7000-8000-0000000000d2")
ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
BORIS = UUID("01936f00-0000-7000-8000-00000000000b")
DOCTOR_NAME = "Константинопольская-Преображенская Александра Владиславовна"
SECRET = "ДОСТОЕВСКАЯ"


def consultation_of(patient: UUID, number: int = 0, tenant: str = "north") -> UUID:
    return uuid5(patient, f"consultation {number} of {tenant}")


@dataclass
class World:
    kit: Kit
    clock: FixedClock
    app: FastAPI
    client: httpx.AsyncClient
    conclusions: Conclusions
    stage: Stage
    sealers: Sealers
    keyring: MemoryKeyring
    pool: "asyncpg.Pool[asyncpg.Record]"
    files: Path
    authority: "Authority"
    authority_client: httpx.AsyncClient
    keys: int = field(default=0)

    @property
    def store(self) -> EventStore:
        return self.stage.store

    @property
    def runner(self) -> ProjectionRunner:
        return self.stage.runner

    async def settle(self) -> None:
        """Let everything happen that follows from what was done, but for the timers."""
        await drain(*self.stage.flows.values(), timeout=30)
        await self.runner.drain()

    async def fire(self) -> int:
        await self.runner.drain()
        fired = await self.stage.timers.fire_due()
        await self.settle()
        return fired

    async def tell(self, *facts: PublicEvent, tenant: str = "north", times: int = 1) -> None:
        """Other services publish, `times` times the same."""
        for fact in facts:
            await self.stage.publish(topic_of(fact), fact, tenant=tenant, times=times)

    async def tell_people(self, tenant: str = "north") -> None:
        await self.tell(
            OrganisationRegistered(
                organisation_id=new_id(),
                legal_name=f"ООО «Клиника {tenant}»",
                languages=("ru", "en"),
            ),
            tenant=tenant,
        )
        last, first, patronymic = DOCTOR_NAME.split()
        for clinician in (DOCTOR, COLLEAGUE):
            await self.tell(
                ClinicianRegistered(
                    clinician_id=clinician,
                    account_id=new_id(),
                    branch_id=new_id(),
                    last_name=last,
                    first_name=first,
                    patronymic=patronymic,
                    specialty="Терапевт",
                    language="ru",
                ),
                tenant=tenant,
            )
        for patient, first in ((ANNA, "Анна"), (BORIS, "Борис")):
            sealed = await self.sealers.of(TenantId(tenant)).seal_all(
                patient,
                {"last_name": SECRET, "first_name": first, "birth_date": "1985-11-22"},
            )
            await self.tell(
                PatientRegistered(
                    patient_id=patient,
                    account_id=new_id(),
                    account_status="CONFIRMED",
                    language="ru",
                    last_name=sealed["last_name"],
                    first_name=sealed["first_name"],
                    birth_date=sealed["birth_date"],
                    sex="FEMALE",
                    letters_allowed=True,
                ),
                tenant=tenant,
            )

    async def complete(
        self,
        patient: UUID = ANNA,
        number: int = 0,
        *,
        clinician: UUID = DOCTOR,
        tenant: str = "north",
        times: int = 1,
    ) -> UUID:
        """An online appointment was reserved and its consultation is completed."""
        consultation_id = consultation_of(patient, number, tenant)
        appointment_id = uuid5(consultation_id, "appointment")
        starts_at = STARTS_AT - timedelta(days=number)
        await self.tell(
            AppointmentReserved(
                appointment_id=appointment_id,
                patient_id=patient,
                clinician_id=clinician,
                doctor_name=DOCTOR_NAME,
                specialty="Терапевт",
                branch_id=new_id(),
                zone="Asia/Yekaterinburg",
                kind="ONLINE",
                service_id=new_id(),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=30),
                payment_mode="PAY_TO_BOOK",
                payment_status="PAID",
            ),
            tenant=tenant,
            times=times,
        )
        await self.tell(
            ConsultationCompleted(
                consultation_id=consultation_id,
                appointment_id=appointment_id,
                patient_id=patient,
                clinician_id=clinician,
                accepted_at=starts_at,
                completed_at=starts_at + timedelta(minutes=25),
            ),
            tenant=tenant,
            times=times,
        )
        await self.settle()
        return consultation_id

    def headers(self, role: str = "clinician", **claims: Any) -> dict[str, str]:
        self.keys += 1
        claims.setdefault("key", f"key-{self.keys}")
        if role == "clinician":
            claims.setdefault("clinician_id", DOCTOR)
        if role == "patient":
            claims.setdefault("patient_id", ANNA)
        return Tokens(self.clock).headers(role, **claims)

    async def call(
        self,
        method: str,
        path: str,
        role: str = "clinician",
        *,
        json: object = None,
        content: bytes | None = None,
        more: Mapping[str, str] | None = None,
        **claims: Any,
    ) -> httpx.Response:
        """Read as one reads who has just written: the views are up to date first."""
        if method == "GET":
            await self.runner.drain()
        return await self.client.request(
            method,
            f"/api/v1{path}",
            json=json,
            content=content,
            headers={**self.headers(role, **claims), **(more or {})},
        )

    async def attach(self, consultation_id: UUID, **claims: Any) -> httpx.Response:
        """Write, preview, attach; nothing that follows has happened yet."""
        path = f"/consultations/{consultation_id}/conclusion"
        body = {"complaints": "Кашель третий день", "recommendations": "Обильное питьё"}
        saved = await self.call("PUT", f"{path}/draft", json=body, **claims)
        assert saved.status_code == 200, saved.text
        preview = await self.call("POST", f"{path}/preview", **claims)
        assert preview.status_code == 201, preview.text
        return await self.call(
            "POST",
            f"{path}/attachment",
            json={"document_id": preview.json()["document_id"]},
            **claims,
        )

    async def publish(self, consultation_id: UUID, **claims: Any) -> dict[str, Any]:
        """All the way to the medcard; the conclusion as its author sees it."""
        attached = await self.attach(consultation_id, **claims)
        assert attached.status_code == 200, attached.text
        await self.settle()
        return await self.status(consultation_id, **claims)

    async def status(self, consultation_id: UUID, **claims: Any) -> dict[str, Any]:
        answer = await self.call("GET", f"/consultations/{consultation_id}/conclusion", **claims)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def events(self) -> list[RecordedEvent]:
        return [event async for page in self.store.read_all() for event in page.events]

    async def published(self) -> list[Envelope]:
        """What others hear of this service."""
        heard: list[Envelope] = []

        async def listen(partition: AssignedPartition) -> None:
            async for batch in partition.batches(after=BEGINNING, limit=100):
                heard.extend(each.envelope for each in batch)

        ends = await self.stage.bus.ends(CONCLUSIONS_EVENTS)
        listening = asyncio.ensure_future(
            self.stage.bus.consume(CONCLUSIONS_EVENTS, "test", listen)
        )
        await until(lambda: len(heard) >= sum(end - BEGINNING for end in ends))
        listening.cancel()
        await asyncio.wait([listening])
        return heard

    async def types(self) -> list[str]:
        return [event.type for event in await self.events()]


class Authority(httpx.AsyncBaseTransport):
    """The sandbox authority in this process, which can be away, or refuse."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app)
        self.away = False
        self.refuses = False
        self.issued = 0

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("away")
        if request.url.path == "/certificates":
            if self.refuses:
                return httpx.Response(422)
            self.issued += 1
        return await self._transport.handle_async_request(request)


@asynccontextmanager
async def running_service(
    database: str,
    folder: Path,
    *,
    clock: FixedClock | None = None,
    store: EventStore | None = None,
    timestamp_url: str | None = None,
) -> AsyncIterator[World]:
    clock = clock or FixedClock(NOON)
    store = store or MemoryEventStore()
    kit = make_kit("conclusions", clock=clock)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            asyncpg.create_pool(database, min_size=1, max_size=8)
        )
        await migrate(pool, "conclusions")
        sandbox = build_authority(
            folder=folder / "ca", clock=clock.now, public_url="http://ca.test"
        )
        await stack.enter_async_context(sandbox.router.lifespan_context(sandbox))
        transport = Authority(sandbox)
        authority_client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(sandbox), base_url="http://ca.test")
        )
        provider = await stack.enter_async_context(
            ProviderClient.open(
                AUTHORITY,
                "http://ca.test",
                patience=Patience(first_pause=0.0, break_after=1000),
                transport=transport,
            )
        )
        authority = SandboxCertificateAuthority(provider)
        keyring = MemoryKeyring()
        sealers = Sealers(keyring)
        conclusions = build_conclusions(
            store,
            sealers=sealers,
            files=SealedFiles(FolderFileStore(folder / "files"), sealers),
            printer=PdfPrinter(kit.texts),
            signer=PadesDocumentSigner(
                authority=authority, texts=kit.texts, timestamp_url=timestamp_url
            ),
            authority=authority,
            keys=PostgresSigningKeys(pool, MasterKeys(current="1", keys={"1": b"k" * 32})),
        )
        stage = Stage(SERVICE, conclusions, pool, clock, store=store)
        await stage.runner.drain()
        app = build_api(kit, conclusions, views=stage.views, queries=stage.queries)
        client = await stack.enter_async_context(api_client(app))
        service = World(
            kit=kit,
            clock=clock,
            app=app,
            client=client,
            conclusions=conclusions,
            stage=stage,
            sealers=sealers,
            keyring=keyring,
            pool=pool,
            files=folder / "files",
            authority=transport,
            authority_client=authority_client,
        )
        await service.tell_people()
        yield service
        await asyncio.sleep(0)


@pytest.fixture
def open_service() -> Callable[..., AbstractAsyncContextManager[World]]:
    return running_service


@pytest.fixture
def tool(tmp_path: Path) -> Callable[..., str]:
    """Runs a poppler tool on a document and gives what it printed."""

    def run(name: str, document: bytes, *arguments: str, output: str | None = None) -> str:
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: install the packages poppler-utils, libnss3-tools")
        file = tmp_path / "looked-at.pdf"
        file.write_bytes(document)
        command = [name, *arguments, str(file), *([output] if output else [])]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        return (done.stdout + done.stderr).decode(errors="replace")

    return run


@pytest.fixture
async def service(database: str, tmp_path: Path) -> AsyncIterator[World]:
    async with running_service(database, tmp_path) as running:
        yield running

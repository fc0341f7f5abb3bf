"""A whole consultation room in one process: memory store and bus, real views, a clock that stands still."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message
from typing_extensions import override

from consultation_room.api.live import LiveRoom, LiveTerms
from consultation_room.application import ConsultationRoom
from consultation_room.application.live import Live
from consultation_room.application.presence import Presence
from consultation_room.bootstrap import SERVICE, VIEWS, build_api, build_live, build_room
from consultation_room.consumers.booking import consultation_of
from contracts.billing import InvoicePaid, InvoiceRefunded
from contracts.booking import AppointmentCancelled, AppointmentRescheduled, AppointmentReserved
from contracts.conclusions import ConclusionPublished
from contracts.fact import PublicEvent
from contracts.topics import ROOM_EVENTS, topic_of
from event_store import EventFilter, EventStore
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore
from file_store import SealedFiles
from file_store.folder import FolderFileStore
from messaging import Envelope, TopicLike
from messaging.memory import MemoryBus
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import Queries, Views
from service_kit.errors import Unavailable
from service_kit.stage import Stage
from service_kit.testing import FixedClock, Tokens, api_client, make_kit
from vocabulary.ids import ConsultationId

NAMESPACE = UUID("0190a000-0000-7000-8000-00000000cafe")
START = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
TERMS = LiveTerms(tick=0.01, closing_within=0.3)


def some_id(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(NAMESPACE, name)


DOCTOR, OTHER_DOCTOR = some_id("doctor"), some_id("other doctor")
PATIENT, OTHER_PATIENT = some_id("patient"), some_id("other patient")
INVOICE = some_id("invoice")


@dataclass
class Socket:
    """One end of a live connection, as a browser has it."""

    incoming: "asyncio.Queue[Message]" = field(default_factory=asyncio.Queue)
    outgoing: "asyncio.Queue[Message]" = field(default_factory=asyncio.Queue)
    reads: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, frame: Mapping[str, Any] | str) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame, default=str)
        await self.incoming.put({"type": "websocket.receive", "text": text})

    async def leave(self) -> None:
        await self.incoming.put({"type": "websocket.disconnect", "code": 1001})

    async def hear(self) -> dict[str, Any]:
        """The next frame, or {"kind": "closed", ...}."""
        async with asyncio.timeout(5):
            message = await self.outgoing.get()
        if message["type"] == "websocket.close":
            return {"kind": "closed", "code": message["code"], "reason": message.get("reason")}
        frame: dict[str, Any] = json.loads(message["text"])
        return frame

    async def until(self, kind: str, **values: Any) -> dict[str, Any]:
        """The next frame of a kind, with these values; others are passed over."""
        while True:
            frame = await self.hear()
            if frame["kind"] == kind and frame.items() >= values.items():
                return frame
            assert frame["kind"] != "closed", frame

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] != "websocket.accept":
            await self.outgoing.put(message)


class RecordingBus(MemoryBus):
    """Remembers what was published."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Envelope] = []

    @override
    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        if topic.name == ROOM_EVENTS.name:
            self.published += envelopes
        await super().publish(topic, envelopes)


class Process:
    """One process of the service: its own application and live connections over the shared store."""

    def __init__(
        self, world: "World", room: ConsultationRoom, terms: LiveTerms, absence_seconds: float
    ) -> None:
        self.room = room
        self.live: Live = build_live(world.store)
        self.presence = Presence(absence_seconds)
        self.app: FastAPI = build_api(
            world.kit,
            {
                "room": self.room,
                "policies": self.room.policies,
                "queries": Queries(world.pool),
                "sealers": world.sealers,
                "files": world.files,
                "live_room": LiveRoom(
                    room=self.room,
                    live=self.live,
                    presence=self.presence,
                    sealers=world.sealers,
                    terms=terms,
                ),
            },
            Views(world.pool, VIEWS),
        )


class Guard:
    """What is known of ended sessions; None: nothing can be known."""

    def __init__(self) -> None:
        self.ended: set[UUID] | None = set()

    async def has_ended(self, session_id: UUID) -> bool:
        if self.ended is None:
            raise Unavailable("identity")
        return session_id in self.ended


class World:
    """A running consultation room, and what its neighbours tell it."""

    doctor, other_doctor, patient, other_patient = DOCTOR, OTHER_DOCTOR, PATIENT, OTHER_PATIENT
    invoice, start = INVOICE, START

    def __init__(
        self, store: EventStore, pool: asyncpg.Pool, folder: Path, stack: AsyncExitStack
    ) -> None:
        self.guard = Guard()
        self.kit = replace(
            make_kit("consultation_room", clock=FixedClock(START - timedelta(hours=1))),
            guard=self.guard,
        )
        assert isinstance(self.kit.clock, FixedClock)
        self.clock = self.kit.clock
        self.store, self.pool = store, pool
        self.room, self.bus = build_room(store), RecordingBus()
        self.keyring = MemoryKeyring()
        self.sealers = Sealers(self.keyring)
        self.files = SealedFiles(FolderFileStore(folder), self.sealers)
        self.tokens = Tokens(self.clock)
        self.stage = Stage(SERVICE, self.room, pool, self.clock, store=store, bus=self.bus)
        self.runner, self.settle, self.inbox = (
            self.stage.runner,
            self.stage.settle,
            self.stage.inbox,
        )
        self._stack = stack
        self._keys = count(1)
        self._listening: dict[Process, asyncio.Task[None]] = {}
        self.client: httpx.AsyncClient
        self.process: Process

    async def open_process(
        self,
        terms: LiveTerms = TERMS,
        absence_seconds: float = 0.05,
        room: ConsultationRoom | None = None,
    ) -> Process:
        process = Process(self, room or build_room(self.store), terms, absence_seconds)
        live = asyncio.create_task(process.live.run())
        await process.live.listening()
        self._listening[process] = live
        self._stack.push_async_callback(_stop, live)
        self._stack.push_async_callback(process.presence.close)
        return process

    def client_of(self, process: Process) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return api_client(process.app)

    def terms(self, **changes: Any) -> LiveTerms:
        return replace(TERMS, **changes)

    def token(self, who: str, **claims: Any) -> str:
        return self.tokens.mint(who, **{**self.claims(who), **claims})

    async def stop_listening(self, process: Process) -> None:
        await _stop(self._listening[process])

    async def handle_all_again(self) -> None:
        """As if every position had been forgotten."""
        await self.stage.handle_all_again(self.room)

    async def tell(self, *facts: PublicEvent, tenant: str = "north", times: int = 1) -> None:
        """What other services publish; `times` for a bus that repeats itself."""
        for fact in facts:
            await self.stage.publish(topic_of(fact), fact, tenant=tenant, times=times)
        await self.settle()

    def reserved(self, name: str = "appointment", **changes: Any) -> AppointmentReserved:
        """What booking tells of a new online appointment."""
        return AppointmentReserved(
            **{**self._appointment(name), "payment_status": "PAID", **changes}
        )

    def rescheduled(self, starts_at: datetime, name: str = "appointment") -> AppointmentRescheduled:
        return AppointmentRescheduled(
            **{
                **self._appointment(name),
                "starts_at": starts_at,
                "ends_at": starts_at + timedelta(minutes=30),
            },
            previous_starts_at=START,
            previous_ends_at=START + timedelta(minutes=30),
            sequence=1,
        )

    def cancelled(self, name: str = "appointment") -> AppointmentCancelled:
        return AppointmentCancelled(
            appointment_id=some_id(name),
            patient_id=PATIENT,
            clinician_id=DOCTOR,
            starts_at=START,
            by="PATIENT",
            reason="ILL",
            was_reserved=True,
            lead_minutes=60,
            refund_eligible=False,
        )

    def paid(self, name: str = "appointment") -> InvoicePaid:
        return InvoicePaid(
            invoice_id=INVOICE,
            appointment_id=some_id(name),
            patient_id=PATIENT,
            total_kopecks=150_000,
            payment_id=some_id("payment"),
            paid_at=self.clock.now(),
        )

    def refunded(self, name: str = "appointment") -> InvoiceRefunded:
        return InvoiceRefunded(
            invoice_id=INVOICE,
            appointment_id=some_id(name),
            patient_id=PATIENT,
            total_kopecks=150_000,
        )

    def concluded(self, room: ConsultationId, name: str = "appointment") -> ConclusionPublished:
        return ConclusionPublished(
            conclusion_id=some_id("conclusion"),
            consultation_id=room,
            appointment_id=some_id(name),
            patient_id=PATIENT,
            clinician_id=DOCTOR,
            document_sha256="0" * 64,
        )

    def _appointment(self, name: str) -> dict[str, Any]:
        return {
            "appointment_id": some_id(name),
            "patient_id": PATIENT,
            "clinician_id": DOCTOR,
            "doctor_name": "Иванова Анна Петровна",
            "specialty": "Кардиолог",
            "branch_id": some_id("branch"),
            "zone": "Europe/Moscow",
            "kind": "ONLINE",
            "service_id": some_id("service"),
            "starts_at": START,
            "ends_at": START + timedelta(minutes=30),
            "payment_mode": "PAY_TO_BOOK",
        }

    async def opened(
        self, name: str = "appointment", *, tenant: str = "north", **changes: Any
    ) -> ConsultationId:
        """The consultation of a new reservation."""
        fact = self.reserved(name, **changes)
        await self.tell(fact, tenant=tenant)
        return consultation_of(fact.appointment_id)

    async def in_work(self, name: str = "appointment", **changes: Any) -> ConsultationId:
        """A consultation that the doctor has just taken, at its planned start."""
        room = await self.opened(name, **changes)
        self.clock.set(START)
        taken = await self.send("POST", f"/{room}/taking", who="clinician")
        assert taken.status_code == 200, taken.text
        await self.settle()
        return room

    def claims(self, who: str) -> dict[str, Any]:
        own = {"patient": {"patient_id": PATIENT}, "clinician": {"clinician_id": DOCTOR}}
        return {"account_id": some_id(f"account of {who}"), **own.get(who, {})}

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str = "patient",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        client: httpx.AsyncClient | None = None,
        content: Any = None,
        **claims: Any,
    ) -> httpx.Response:
        """A request by the patient or the doctor of this world, unless claims say otherwise."""
        sent = self.tokens.headers(
            who, key=key or f"key-{next(self._keys)}", **{**self.claims(who), **claims}
        )
        url = path if path.startswith("/api") else f"/api/v1/consultations{path}"
        return await (client or self.client).request(
            method, url, json=body, content=content, headers={**sent, **(headers or {})}
        )

    async def get(self, path: str, **options: Any) -> Any:
        """The body of a successful read."""
        answer = await self.send("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def upload(
        self,
        room: ConsultationId,
        content: bytes,
        name: str,
        content_type: str = "application/octet-stream",
        **options: Any,
    ) -> httpx.Response:
        """Send a file as a browser does."""
        head = (
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        )
        return await self.send(
            "POST",
            f"/{room}/files",
            content=head.encode() + content + b"\r\n--x--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=x"},
            **options,
        )

    async def policy(self, key: str, value: object, **options: Any) -> None:
        """The administrator settles a policy from now on."""
        answer = await self.send(
            "PUT",
            "/api/v1/policies/consultation-room",
            {"key": key, "value": value, "reason": "TRIAL"},
            who="administrator",
            **options,
        )
        assert answer.status_code == 200, answer.text

    @asynccontextmanager
    async def socket(
        self,
        room: UUID,
        who: str = "patient",
        *,
        last_seen: int = 0,
        process: Process | None = None,
        hello: str | None = None,
        headers: Mapping[str, str] | None = None,
        **claims: Any,
    ) -> AsyncIterator[Socket]:
        """A live connection that has said hello; it is left at the end."""
        socket = Socket()
        socket.reads.set()
        path = f"/api/v1/consultations/{room}/live"
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
            "subprotocols": [],
            "extensions": {},
        }
        await socket.incoming.put({"type": "websocket.connect"})
        app = (process or self.process).app
        serving = asyncio.create_task(app(scope, socket.incoming.get, socket.send))
        token = self.tokens.mint(who, **{**self.claims(who), **claims})
        if hello != "":
            await socket.say(hello or {"kind": "hello", "token": token, "last_seen": last_seen})
        try:
            yield socket
        finally:
            socket.reads.set()
            await socket.leave()
            async with asyncio.timeout(5):
                await serving

    async def facts(self, *types: str) -> list[str]:
        """The stored names of the service's own events, or of some of them, in order."""
        found: list[str] = []
        categories = frozenset({"consultation", "chat-thread"})
        async for page in self.store.read_all(where=EventFilter(categories=categories)):
            found += [event.type.removesuffix(".v1") for event in page.events]
        return [name for name in found if not types or name in types]

    async def stored(self) -> bytes:
        """Everything that is stored, to look for what should not be there."""
        found = b""
        async for page in self.store.read_all():
            for event in page.events:
                found += event.data + event.metadata + event.stream.encode()
        return found


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    """With its events in memory."""
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=5) as pool,
        AsyncExitStack() as stack,
    ):
        yield await _running(MemoryEventStore(), pool, tmp_path, stack)


@pytest.fixture
async def stored_world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    """With its events in PostgreSQL."""
    async with asyncpg.create_pool(database, min_size=1, max_size=15) as pool:
        store = await PostgresEventStore.open(pool)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            yield await _running(store, pool, tmp_path, stack)


async def _running(
    store: EventStore, pool: asyncpg.Pool, folder: Path, stack: AsyncExitStack
) -> World:
    world = World(store, pool, folder / "files", stack)
    world.process = await world.open_process(room=world.room)
    world.client = await stack.enter_async_context(api_client(world.process.app))
    await world.runner.drain()
    return world

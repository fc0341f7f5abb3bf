"""A small service that uses everything the kit offers: notes that patients write."""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar
from uuid import UUID

import asyncpg
import httpx
import pytest
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from pydantic import BaseModel, ConfigDict, Field, field_validator

from decider import Rejection
from event_store import AppendConflict, Cursor, Handled, IdempotencyViolation, StreamName
from privacy.errors import KeyUnavailable, SubjectErased
from service_kit.access import Access, AccessTable, Caller, Doorstep, Ownership
from service_kit.app import create_app
from service_kit.clock import FixedClock
from service_kit.errors import Unavailable
from service_kit.ids import new_id
from service_kit.kit import Kit
from service_kit.problems import EXPECTED, NotFound, ProblemTable, problem_of
from service_kit.reads import Page, PageQueryDep, number, page_of
from service_kit.run import service_texts
from service_kit.testing import Tokens, api_client, make_kit
from service_kit.texts import Texts
from vocabulary.ids import tenant_id
from vocabulary.phone import parse_phone

PATIENT = UUID("0190b000-0000-7000-8000-000000000001")
OTHER = UUID("0190b000-0000-7000-8000-000000000002")
NOTE = UUID("0190b000-0000-7000-8000-000000000003")
FOREIGN_NOTE = UUID("0190b000-0000-7000-8000-000000000004")


class NoteClosed(Rejection):
    code = "NOTE_CLOSED"

    def __init__(self, note_id: UUID) -> None:
        super().__init__()
        self.note_id = note_id


TEXTS = service_texts("service_kit") | Texts(
    {
        "ru": {
            "problems.NOTE_CLOSED": "Заметка закрыта",
            "problem_details.NOTE_CLOSED": "Заметка {note_id}",
        },
        "en": {
            "problems.NOTE_CLOSED": "The note is closed",
            "problem_details.NOTE_CLOSED": "Note {note_id}",
        },
    }
)
PROBLEMS = ProblemTable({NoteClosed: 409})
ACCESS = AccessTable(
    Access("list_notes", {"patient": Ownership.SELF}),
    Access("read_note", {"patient": Ownership.OWN, "manager": Ownership.TENANT}),
    Access("write_note", {"patient": Ownership.SELF, "clinician": Ownership.SELF}),
    Access("fail_note", {"anonymous": Ownership.TENANT}, idempotency_key=False, max_body_bytes=100),
    Access("sign_note", {"clinician": Ownership.OWN}, assurance="confirmed"),
    Access("sync_notes", {"service": Ownership.TENANT}, callers=frozenset({"tests", "archive"})),
    Access("called_back", {"anonymous": Ownership.TENANT}, idempotency_key=False, tenant=False),
    Access("watch_notes", {"patient": Ownership.SELF}),
    Access("discuss_notes", {"patient": Ownership.SELF}, token_in_frame=True),
)
NOTES = {NOTE: ("north", PATIENT), FOREIGN_NOTE: ("north", OTHER)}
FAILURES: dict[str, Exception] = {
    "rejection": NoteClosed(NOTE),
    "conflict": AppendConflict(StreamName("note", "north", "1"), 1, 2),
    "reused": IdempotencyViolation(),
    "unavailable": Unavailable("acquirer", retry_after=7),
    "no-key": KeyUnavailable(),
    "database-away": ConnectionRefusedError(),
    "database-stops": asyncpg.AdminShutdownError(),
    "database-lost": asyncpg.InternalClientError("got result for unknown protocol state 3"),
    "erased": SubjectErased(PATIENT),
    "bug": ZeroDivisionError("Иванов +79161234567"),
}


class NoteBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=20)
    phone: str | None = None

    @field_validator("phone")
    @classmethod
    def _phone(cls, value: str | None) -> str | None:
        return value and parse_phone(value)


class NoteOut(BaseModel):
    text: str
    now: str = ""
    command_id: str = ""
    expected_revision: int | None = None
    actor: str = ""
    correlation: str = ""
    role: str = ""


router = APIRouter(prefix="/api/v1/notes", tags=["notes"])


@router.get("")
async def list_notes(
    page: PageQueryDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_notes"))],
) -> Page[NoteOut]:
    """Notes 0 to 4, in pages."""
    place = page.place(number=number)
    first = 0 if place is None else place[0] + 1
    rows = list(range(first, 5))[: page.limit + 1]
    return page_of(
        rows, page, key=lambda row: {"number": row}, show=lambda row: NoteOut(text=str(row))
    )


@router.get("/{note_id}")
async def read_note(
    note_id: UUID, caller: Annotated[Caller, Depends(ACCESS.allow("read_note"))]
) -> NoteOut:
    """One note."""
    tenant, owner = NOTES[note_id]
    if tenant != caller.tenant:
        raise NotFound
    caller.require(patient_id=owner)
    return NoteOut(text="hello", role=caller.role)


@router.post("", status_code=201, responses=PROBLEMS.of(NoteClosed))
async def write_note(
    body: NoteBody, caller: Annotated[Caller, Depends(ACCESS.allow("write_note"))]
) -> NoteOut:
    """Write a note."""
    context = caller.context(subject=str(caller.patient_id))
    caller.confirm(Handled((), None, 3, Cursor(1, 2)))
    return NoteOut(
        text=body.text,
        now=caller.now.isoformat(),
        command_id=str(context.command_id),
        expected_revision=context.expected_revision,
        actor=context.metadata.actor,
        correlation=str(context.metadata.correlation),
    )


@router.post("/{note_id}/signature", status_code=204)
async def sign_note(
    note_id: UUID, caller: Annotated[Caller, Depends(ACCESS.allow("sign_note"))]
) -> None:
    """Sign a note."""
    if NOTES[note_id][0] != caller.tenant:
        raise NotFound
    caller.require(clinician_id=NOTES[note_id][1])


@router.post("/failures/{kind}", responses=PROBLEMS.of(NoteClosed))
async def fail_note(
    kind: str, request: Request, caller: Annotated[Caller, Depends(ACCESS.allow("fail_note"))]
) -> None:
    """Fail in the way that is asked for."""
    await request.body()
    if kind in FAILURES:
        raise FAILURES[kind]


@router.post("/sync", tags=["internal"])
async def sync_notes(caller: Annotated[Caller, Depends(ACCESS.allow("sync_notes"))]) -> NoteOut:
    """For other services."""
    return NoteOut(text=caller.tenant, actor=caller.actor)


@router.post("/callback")
async def called_back(caller: Annotated[Caller, Depends(ACCESS.allow("called_back"))]) -> list[str]:
    """A provider calls, which knows of no tenants."""
    return [caller.tenant, caller.within(tenant_id("south")).context(key="1").metadata.tenant]


@router.websocket("/live")
async def watch_notes(
    socket: WebSocket, caller: Annotated[Caller, Depends(ACCESS.allow("watch_notes"))]
) -> None:
    """Says who is watching."""
    await socket.accept()
    await socket.send_text(caller.later().actor)
    if socket.query_params.get("then") == "fail":
        raise NoteClosed(NOTE)
    await socket.close()


@router.websocket("/talk")
async def discuss_notes(
    socket: WebSocket, door: Annotated[Doorstep, Depends(ACCESS.allow_in_frame("discuss_notes"))]
) -> None:
    """Says who came in, once the first frame has shown a token."""
    await socket.accept()
    try:
        caller = await door.admit((await socket.receive_json())["token"])
        if "note" in socket.query_params:
            raise NoteClosed(UUID(socket.query_params["note"]))
    except EXPECTED as refusal:
        problem = problem_of(refusal, socket, PROBLEMS)
        await socket.send_json({"kind": "problem", "status": problem.status, "code": problem.code})
        await socket.close(1008)
        return
    await socket.send_json(
        {"kind": "welcome", "actor": caller.actor, "until": caller.token_expires_at.isoformat()}
    )
    await socket.close()


@dataclass
class FakeViews:
    """Views that stand at a position."""

    at: str = ""
    asked: list[str] = field(default_factory=list)
    patience: ClassVar[float] = 2.0

    async def wait_for(self, cursor: str, timeout: float) -> bool:
        self.asked.append(cursor)
        assert timeout == self.patience
        return cursor <= self.at


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def kit(clock: FixedClock) -> Kit:
    return make_kit("notes", clock=clock, texts=TEXTS)


@pytest.fixture
def views() -> FakeViews:
    return FakeViews()


@pytest.fixture
def app(kit: Kit, views: FakeViews) -> FastAPI:
    return create_app(kit, routers=[router], access=ACCESS, problems=PROBLEMS, views=views)


@pytest.fixture
def tokens(clock: FixedClock) -> Tokens:
    return Tokens(clock)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app) as client:
        yield client


@pytest.fixture
def patient(tokens: Tokens) -> dict[str, str]:
    return tokens.headers("patient", patient_id=PATIENT, key=str(new_id()))


@pytest.fixture
def restored_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging may be set up in the test. Loggers are not kept: the next test's output is another stream."""
    root, configure = logging.getLogger(), structlog.configure
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(
        structlog,
        "configure",
        lambda **options: configure(**{**options, "cache_logger_on_first_use": False}),
    )
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()

"""Routes of the chat: read it, and write without a live connection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from consultation_room.api.access import ACCESS
from consultation_room.api.dependencies import (
    KitTexts,
    QueriesDep,
    RoomDep,
    SealersDep,
    participants_for,
    record_reading,
    side_of,
)
from consultation_room.api.problems import PROBLEMS
from consultation_room.api.showing import MessageOut, show_messages
from consultation_room.application import ConsultationRoom, chat
from consultation_room.domain.chat_thread.errors import EmptyMessage, UnknownFile
from consultation_room.domain.chat_thread.events import ChatThreadEvent
from consultation_room.domain.chat_thread.state import ChatThread
from consultation_room.domain.consultation.errors import NotInWork, PaymentRequired
from consultation_room.domain.consultation.state import Closed, expect_entry
from consultation_room.domain.details import ConsultationClosed, ConsultationNotFound, Participants
from consultation_room.read_models import transcript
from event_store import Handled
from privacy.sealing import Sealers
from service_kit.access import Caller
from service_kit.reads import Page, PageQueryDep, number, page_of
from vocabulary.ids import FileId

__all__ = ["Posted", "Wording", "post", "router"]

router = APIRouter(prefix="/api/v1/consultations/{consultation_id}/messages", tags=["chat"])


class Wording(BaseModel):
    """What one side says. The same `client_message_id` again is the same message."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "client_message_id": "0190a0dd-0000-7000-8000-000000000001",
                    "text": "Добрый день! Прикладываю результаты анализов.",
                    "file_ids": ["0190a0de-0000-7000-8000-000000000001"],
                }
            ]
        },
    )

    client_message_id: UUID
    text: str = Field(default="", max_length=4000)
    file_ids: Sequence[UUID] = Field(default=(), max_length=100)


class Posted(BaseModel):
    """Where the message stands in the chat."""

    client_message_id: UUID
    number: int
    posted_at: datetime


async def post(
    room: ConsultationRoom,
    sealers: Sealers,
    caller: Caller,
    participants: Participants,
    wording: Wording,
    key: str | None = None,
) -> tuple[Posted, Handled[ChatThread, ChatThreadEvent]]:
    """Seal and post; `key` names the command where no header does."""
    text = wording.text.strip()
    sealer = sealers.of(caller.tenant)
    sealed = await sealer.seal(participants.patient_id, "chat_text", text) if text else None
    place, handled = await chat.say(
        room,
        participants.consultation_id,
        side_of(caller, participants),
        wording.client_message_id,
        sealed,
        tuple(FileId(file_id) for file_id in wording.file_ids),
        caller.now,
        caller.context(subject=str(participants.patient_id), key=key),
    )
    posted = Posted(
        client_message_id=wording.client_message_id,
        number=place.number,
        posted_at=place.posted_at,
    )
    return posted, handled


@router.post(
    "",
    status_code=201,
    responses=PROBLEMS.of(
        *(ConsultationNotFound, ConsultationClosed, PaymentRequired, NotInWork),
        *(EmptyMessage, UnknownFile),
    ),
)
async def post_message(
    consultation_id: UUID,
    wording: Wording,
    room: RoomDep,
    sealers: SealersDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("post_message"))],
) -> Posted:
    """Say something; a message needs a text or a file.

    The patient may write before the doctor has come; the doctor, once the consultation is taken: 409 NOT_IN_WORK.
    """
    participants, _ = await participants_for(room, caller, consultation_id)
    posted, handled = await post(room, sealers, caller, participants, wording)
    caller.confirm(handled)
    return posted


@router.get("", responses=PROBLEMS.of(ConsultationNotFound, PaymentRequired))
async def read_messages(
    consultation_id: UUID,
    page: PageQueryDep,
    room: RoomDep,
    queries: QueriesDep,
    sealers: SealersDep,
    texts: KitTexts,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_messages"))],
    last_seen: Annotated[int, Query(ge=0, description="Only messages behind this number")] = 0,
) -> Page[MessageOut]:
    """The chat in its order, also of a consultation that is over.

    Who reads is recorded: once an hour for each session that keeps on reading.
    """
    participants, state = await participants_for(room, caller, consultation_id)
    if not isinstance(state, Closed):
        expect_entry(state)
    (behind,) = page.place(number=number) or (0,)
    await record_reading(room, caller, participants)
    rows = await transcript.page(
        queries,
        caller.tenant,
        participants.consultation_id,
        after=max(last_seen, behind),
        limit=page.limit + 1,
    )
    shown = await show_messages(rows, sealers.of(caller.tenant), texts, caller.language)
    return page_of(
        shown, page, key=lambda message: {"number": message.number}, show=lambda message: message
    )

"""Reading messages: a person's own feed, and the clinic's list."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from notifications.api.access import ACCESS
from notifications.api.dependencies import PoliciesDep, QueriesDep, WordingDep, the_person
from notifications.application.wording import Wording
from notifications.domain.message_types import Channel, MessageType
from notifications.read_models import messages
from notifications.read_models.messages import MessageRow, MessageStatus
from service_kit.access import Caller
from service_kit.reads import Page, PageQueryDep
from service_kit.texts import Language
from vocabulary.ids import AppointmentId, MessageId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["notifications"])


class NotificationOut(BaseModel):
    """A message to the caller, in the caller's language. One-time codes are not repeated here."""

    message_id: MessageId
    type: MessageType
    created_at: datetime
    title: str
    text: str
    branch: str | None
    appointment_id: AppointmentId | None

    @classmethod
    def of(cls, row: MessageRow, wording: Wording, language: Language) -> "NotificationOut":
        title, text = wording.shown_in_cabinet(row.message_type, language, row.facts)
        return cls(
            message_id=row.message_id,
            type=row.message_type,
            created_at=row.queued_at,
            title=title,
            text=text,
            branch=row.facts.get("branch"),
            appointment_id=row.appointment_id,
        )


class MessageOut(BaseModel):
    """How a message went. `channel` is the one that took it, or the last that refused; `reason` says why."""

    message_id: MessageId
    type: MessageType
    recipient_id: str
    appointment_id: AppointmentId | None
    status: MessageStatus
    channel: Channel | None
    reason: str | None
    queued_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, row: MessageRow) -> "MessageOut":
        return cls(
            message_id=row.message_id,
            type=row.message_type,
            recipient_id=str(row.recipient_id),
            appointment_id=row.appointment_id,
            status=row.status,
            channel=row.channel,
            reason=row.reason,
            queued_at=row.queued_at,
            sent_at=row.sent_at,
        )


@router.get("/notifications")
async def list_notifications(
    db: QueriesDep,
    policies: PoliciesDep,
    wording: WordingDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_notifications"))],
    page: PageQueryDep,
) -> Page[NotificationOut]:
    """List what the clinic told the caller lately, the newest first; the clinic settles how far back it goes."""
    rules, _ = await policies.at(caller.tenant, caller.now)
    found = await messages.of_person(
        db,
        caller.tenant,
        the_person(caller),
        since=caller.now - timedelta(days=rules.feed_days),
        after=page.after,
        limit=page.limit,
    )
    items = [NotificationOut.of(row, wording, caller.language) for row in found.items]
    return Page(items=items, next=found.next)


@router.get("/messages", tags=["administration"])
async def list_messages(
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_messages"))],
    page: PageQueryDep,
    status: MessageStatus | None = None,
    appointment_id: AppointmentId | None = None,
) -> Page[MessageOut]:
    """List the clinic's messages and how they went, the newest first; texts and addresses are not shown."""
    found = await messages.of_clinic(
        db,
        caller.tenant,
        status=status,
        appointment_id=appointment_id,
        after=page.after,
        limit=page.limit,
    )
    return Page(items=[MessageOut.of(row) for row in found.items], next=found.next)

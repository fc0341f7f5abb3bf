"""Messages as their readers and the clinic see them: what, when and how it went, without addresses and secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from notifications.domain.message.events import (
    ChannelFailed,
    MessageDetails,
    MessageFailed,
    MessageQueued,
    MessageSent,
    MessageSuppressed,
)
from notifications.domain.message_types import Channel, MessageType
from read_models import Fact, Queries, View, ViewPage
from vocabulary.ids import AppointmentId, MessageId

__all__ = ["VIEW", "MessageRow", "MessageStatus", "of_clinic", "of_person"]


class MessageStatus(StrEnum):
    """Where a message stands (NTF-28)."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    tenant: str
    message_id: MessageId
    message_type: MessageType
    recipient_id: UUID
    status: MessageStatus
    queued_at: datetime
    facts: Mapping[str, str]
    appointment_id: AppointmentId | None = None
    channel: Channel | None = None
    sent_at: datetime | None = None
    reason: str | None = None


def _queued(
    details: MessageDetails, at: datetime, status: MessageStatus, tenant: str, reason: str | None
) -> MessageRow:
    return MessageRow(
        tenant=tenant,
        message_id=details.message_id,
        message_type=details.message_type,
        recipient_id=details.recipient_id,
        status=status,
        queued_at=at,
        facts=details.facts,
        appointment_id=details.appointment_id,
        reason=reason,
    )


def project(row: MessageRow | None, event: object, fact: Fact) -> MessageRow | None:
    match event:
        case MessageQueued():
            return _queued(event.details, event.queued_at, MessageStatus.QUEUED, fact.tenant, None)
        case MessageSuppressed(details=details, suppressed_at=at, reason=reason):
            return _queued(details, at, MessageStatus.SUPPRESSED, fact.tenant, reason)
        case _:
            return row and _followed(row, event)


def _followed(row: MessageRow, event: object) -> MessageRow:
    match event:
        case ChannelFailed():
            return replace(row, channel=event.channel, reason=event.reason)
        case MessageSent():
            return replace(
                row,
                status=MessageStatus.SENT,
                channel=event.channel,
                sent_at=event.sent_at,
                reason=None,
            )
        case MessageFailed():
            return replace(row, status=MessageStatus.FAILED)
        case _:
            return row


def keys(_event: object, fact: Fact) -> list[tuple[str, UUID]]:
    """A message is a stream of its own."""
    return [(fact.tenant, UUID(fact.stream_key))]


VIEW = View(
    name="messages",
    version=1,
    row=MessageRow,
    key=("tenant", "message_id"),
    indexes=(("tenant", "recipient_id", "queued_at"), ("tenant", "queued_at")),
    events=dict.fromkeys(
        (MessageQueued, MessageSuppressed, ChannelFailed, MessageSent, MessageFailed), keys
    ),
    project=project,
    subject="recipient_id",
)

_ORDER = ("queued_at", "message_id")


async def of_person(
    db: Queries,
    tenant: str,
    recipient_id: UUID,
    *,
    since: datetime,
    after: Mapping[str, str] | None,
    limit: int,
) -> ViewPage[MessageRow]:
    """A person's messages from `since` on, the newest first."""
    return await db.page(
        VIEW,
        "tenant = $1 AND recipient_id = $2 AND queued_at >= $3",
        tenant,
        recipient_id,
        since,
        order=_ORDER,
        descending=True,
        after=after,
        limit=limit,
    )


async def of_clinic(
    db: Queries,
    tenant: str,
    *,
    status: MessageStatus | None,
    appointment_id: AppointmentId | None,
    after: Mapping[str, str] | None,
    limit: int,
) -> ViewPage[MessageRow]:
    """All messages of a clinic, the newest first."""
    return await db.page(
        VIEW,
        "tenant = $1 AND ($2::text IS NULL OR status = $2)"
        " AND ($3::uuid IS NULL OR appointment_id = $3)",
        tenant,
        status,
        appointment_id,
        order=_ORDER,
        descending=True,
        after=after,
        limit=limit,
    )

"""The messages of a chat in their order (ROOM-31, ROOM-61). Texts stay sealed until they are shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from consultation_room.domain.chat_thread.events import (
    ChatFile,
    ChatMessage,
    MessagePosted,
    SystemMessage,
    SystemMessagePosted,
)
from consultation_room.domain.details import AuthorRole
from read_models import Fact, Queries, View
from vocabulary.ids import ConsultationId, TenantId
from vocabulary.sealed import Sealed

__all__ = ["VIEW", "MessageRow", "message_of", "page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """Either `system`, or words of a person with their text and files."""

    tenant: str
    consultation_id: ConsultationId
    number: int
    author: AuthorRole
    posted_at: datetime
    client_message_id: UUID | None = None
    text: Sealed[str] | None = None
    files: tuple[ChatFile, ...] = ()
    system: SystemMessage | None = None


def message_of(tenant: str, event: ChatMessage) -> MessageRow:
    """The row of one message."""
    match event:
        case MessagePosted():
            return MessageRow(
                tenant=tenant,
                consultation_id=event.consultation_id,
                number=event.number,
                author=event.author,
                posted_at=event.posted_at,
                client_message_id=event.client_message_id,
                text=event.text,
                files=event.files,
            )
        case SystemMessagePosted():
            return MessageRow(
                tenant=tenant,
                consultation_id=event.consultation_id,
                number=event.number,
                author=AuthorRole.SYSTEM,
                posted_at=event.posted_at,
                system=event.message,
            )


def project(_row: MessageRow | None, event: ChatMessage, fact: Fact) -> MessageRow:
    return message_of(fact.tenant, event)


def _keys(event: ChatMessage, fact: Fact) -> Iterable[tuple[str, UUID, int]]:
    return [(fact.tenant, event.consultation_id, event.number)]


VIEW: Final = View(
    name="transcript",
    version=1,
    row=MessageRow,
    key=("tenant", "consultation_id", "number"),
    events={MessagePosted: _keys, SystemMessagePosted: _keys},
    project=project,
)


async def page(
    db: Queries, tenant: TenantId, consultation_id: ConsultationId, *, after: int, limit: int
) -> list[MessageRow]:
    """The messages behind number `after`."""
    return await db.all(
        VIEW,
        "tenant = $1 AND consultation_id = $2 AND number > $3",
        tenant,
        consultation_id,
        after,
        order=("number",),
        limit=limit,
    )

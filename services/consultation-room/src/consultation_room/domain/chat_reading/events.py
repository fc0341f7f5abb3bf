"""Facts of readings. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vocabulary.ids import ConsultationId, FileId

__all__ = ["STORED_NAMES", "ChatFileRead", "ChatRead", "ChatReadingEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRead:
    """Somebody read the chat from `read_at` on, for an hour at most before the next such fact."""

    consultation_id: ConsultationId
    reader: str
    session_id: UUID | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFileRead:
    """Somebody was given a file; who, is in the metadata."""

    consultation_id: ConsultationId
    file_id: FileId
    read_id: UUID


ChatReadingEvent = ChatRead | ChatFileRead

STORED_NAMES: dict[type[ChatReadingEvent], str] = {
    ChatRead: "ChatRead.v1",
    ChatFileRead: "ChatFileRead.v1",
}

"""Facts of a chat. Their names and fields are stored for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from consultation_room.domain.details import AuthorRole
from vocabulary.ids import ConsultationId, FileId
from vocabulary.sealed import Sealed

__all__ = [
    "STORED_NAMES",
    "ChatFile",
    "ChatMessage",
    "ChatThreadEvent",
    "FileSharedInChat",
    "MessagePosted",
    "SystemMessage",
    "SystemMessagePosted",
    "ThreadClosed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFile:
    """A file by its address in the file store; its name is personal."""

    file_id: FileId
    name: Sealed[str]
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMessage:
    """A text of the catalogue with its facts: shown to each reader in their own language. Nothing personal."""

    key: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSharedInChat:
    """One side has uploaded a file and may put it into messages."""

    consultation_id: ConsultationId
    file: ChatFile
    by: AuthorRole
    shared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePosted:
    """Words of the doctor or the client. `number` counts the messages of the chat from 1 (ROOM-31)."""

    consultation_id: ConsultationId
    number: int
    author: AuthorRole
    client_message_id: UUID
    text: Sealed[str] | None
    files: tuple[ChatFile, ...]
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMessagePosted:
    """Words of the clinic. `occasion` is the event that led to them."""

    consultation_id: ConsultationId
    number: int
    message: SystemMessage
    occasion: UUID
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadClosed:
    """It can be read, and nothing is added any more (ROOM-57, ROOM-60)."""

    consultation_id: ConsultationId
    closed_at: datetime


ChatThreadEvent = FileSharedInChat | MessagePosted | SystemMessagePosted | ThreadClosed

ChatMessage = MessagePosted | SystemMessagePosted

STORED_NAMES: dict[type[ChatThreadEvent], str] = {
    FileSharedInChat: "FileSharedInChat.v1",
    MessagePosted: "MessagePosted.v1",
    SystemMessagePosted: "SystemMessagePosted.v1",
    ThreadClosed: "ThreadClosed.v1",
}

"""Wishes about a chat."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consultation_room.domain.chat_thread.events import ChatFile, SystemMessage
from consultation_room.domain.details import AuthorRole
from vocabulary.ids import ConsultationId, FileId
from vocabulary.sealed import Sealed

__all__ = [
    "ChatThreadCommand",
    "CloseThread",
    "PostMessage",
    "PostSystemMessage",
    "ShareFile",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareFile:
    """`max_files` by the policies of the consultation, for each side."""

    consultation_id: ConsultationId
    file: ChatFile
    by: AuthorRole
    max_files: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMessage:
    """A repeat has the same `client_message_id` (ROOM-27)."""

    consultation_id: ConsultationId
    author: AuthorRole
    client_message_id: UUID
    text: Sealed[str] | None
    file_ids: tuple[FileId, ...]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSystemMessage:
    consultation_id: ConsultationId
    message: SystemMessage
    occasion: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseThread:
    consultation_id: ConsultationId
    now: datetime


ChatThreadCommand = ShareFile | PostMessage | PostSystemMessage | CloseThread

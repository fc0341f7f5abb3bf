"""Wishes about what was read. `reader` is the actor as events name it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vocabulary.ids import ConsultationId, FileId

__all__ = ["ChatReadingCommand", "ReadChat", "ReadChatFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChat:
    """Messages were shown, by a page or by a live connection."""

    consultation_id: ConsultationId
    reader: str
    session_id: UUID | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChatFile:
    """A file was given out; repeats of one reading have one id."""

    consultation_id: ConsultationId
    file_id: FileId
    read_id: UUID


ChatReadingCommand = ReadChat | ReadChatFile

"""Wishes about what was read. `reader` is the actor as events name it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vocabulary.ids import ConsultationId

__all__ = ["DraftReadingCommand", "ReadDraft"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDraft:
    """The draft was shown."""

    consultation_id: ConsultationId
    reader: str
    session_id: UUID | None
    now: datetime


DraftReadingCommand = ReadDraft

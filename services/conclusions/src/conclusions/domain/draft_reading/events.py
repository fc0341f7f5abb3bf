"""Facts of readings. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vocabulary.ids import ConsultationId

__all__ = ["STORED_NAMES", "DraftRead", "DraftReadingEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRead:
    """Somebody read the draft from `read_at` on, for an hour at most before the next such fact."""

    consultation_id: ConsultationId
    reader: str
    session_id: UUID | None
    read_at: datetime


DraftReadingEvent = DraftRead

STORED_NAMES: dict[type[DraftReadingEvent], str] = {DraftRead: "DraftRead.v1"}

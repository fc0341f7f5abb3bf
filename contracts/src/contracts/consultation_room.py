"""What the consultation room tells: the life of a consultation. Chat stays inside."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from contracts.fact import PublicEvent

__all__ = [
    "FACTS",
    "ConsultationCancelled",
    "ConsultationCompleted",
    "ConsultationExpired",
    "ConsultationOpened",
    "ConsultationTakenInWork",
]


class ConsultationFact(PublicEvent):
    """A consultation of an appointment."""

    consultation_id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID


class ConsultationOpened(ConsultationFact):
    """The room exists: the patient may connect and write."""

    planned_start: datetime
    planned_end: datetime


class ConsultationTakenInWork(ConsultationFact):
    """The doctor started."""


class ConsultationCompleted(ConsultationFact):
    """The doctor ended it; a conclusion is due."""

    accepted_at: datetime
    completed_at: datetime


class ConsultationCancelled(ConsultationFact):
    """It will not take place."""


class ConsultationExpired(ConsultationFact):
    """The doctor did not take it in the time that the clinic gives; only where the clinic's policy sets one."""

    patient_waited: bool = Field(
        default=False,
        description="The patient was there in its planned time: the doctor stayed away",
    )


FACTS = (
    ConsultationOpened,
    ConsultationTakenInWork,
    ConsultationCompleted,
    ConsultationCancelled,
    ConsultationExpired,
)

"""Words that the consultation and its chat share."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from decider import Rejection
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    ConsultationId,
    PatientId,
    ServiceId,
)
from vocabulary.zone import ZoneId

__all__ = [
    "AuthorRole",
    "Channel",
    "ConsultationClosed",
    "ConsultationDetails",
    "ConsultationNotFound",
    "ConsultationType",
    "Participants",
    "PaymentStatus",
]


class AuthorRole(StrEnum):
    """Whose words a message is (ROOM-21); in the room there is one doctor and one client."""

    SYSTEM = "SYSTEM"
    DOCTOR = "DOCTOR"
    CLIENT = "CLIENT"


class ConsultationType(StrEnum):
    """Fixed when planned work is booked (BKG-13)."""

    PRIMARY = "PRIMARY"
    REPEAT = "REPEAT"
    DOCTOR_TO_DOCTOR = "DOCTOR_TO_DOCTOR"


class Channel(StrEnum):
    """How the patient would like to talk."""

    CHAT = "CHAT"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    PHONE = "PHONE"


class PaymentStatus(StrEnum):
    """What the gate asks (BIL-45): only PAID and NOT_REQUIRED let in."""

    NOT_REQUIRED = "NOT_REQUIRED"
    UNPAID = "UNPAID"
    PAID = "PAID"
    REFUNDED = "REFUNDED"

    @property
    def lets_in(self) -> bool:
        """Whether nothing is owed."""
        return self in {PaymentStatus.NOT_REQUIRED, PaymentStatus.PAID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """Whose consultation it is."""

    consultation_id: ConsultationId
    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationDetails:
    """What the room keeps of the appointment (ROOM-01). Doctors' names are public facts of a clinic."""

    participants: Participants
    doctor_name: str
    specialty: str
    branch_id: BranchId
    zone: ZoneId
    service_id: ServiceId
    consultation_type: ConsultationType
    preferred_channel: Channel | None
    planned_start: datetime
    planned_end: datetime


class ConsultationNotFound(Rejection):
    code: ClassVar[str] = "CONSULTATION_NOT_FOUND"


class ConsultationClosed(Rejection):
    """It is over, or will not take place: nothing is added any more (ROOM-60)."""

    code: ClassVar[str] = "CONSULTATION_CLOSED"

"""Wishes about a consultation."""

from dataclasses import dataclass
from datetime import datetime

from consultation_room.domain.details import AuthorRole, ConsultationDetails, PaymentStatus
from consultation_room.domain.policies import RoomPolicies
from vocabulary.ids import ClinicianId, ConclusionId, ConsultationId, InvoiceId

__all__ = [
    "AdmitPatient",
    "CancelConsultation",
    "CompleteConsultation",
    "ConsultationCommand",
    "ExpireConsultation",
    "LeaveRoom",
    "OpenConsultation",
    "RecordConclusion",
    "RecordPayment",
    "RecordRefund",
    "RescheduleConsultation",
    "ResumeConsultation",
    "TakeInWork",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConsultation:
    """`no_show_minutes` by the policies in force now."""

    details: ConsultationDetails
    payment_status: PaymentStatus
    no_show_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleConsultation:
    consultation_id: ConsultationId
    planned_start: datetime
    planned_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    consultation_id: ConsultationId
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund:
    consultation_id: ConsultationId
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConclusion:
    consultation_id: ConsultationId
    conclusion_id: ConclusionId
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitPatient:
    """The patient connects."""

    consultation_id: ConsultationId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRoom:
    """The last connection of one side has ended."""

    consultation_id: ConsultationId
    side: AuthorRole
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeInWork:
    """`policies` of `policy_version` are in force now."""

    consultation_id: ConsultationId
    clinician_id: ClinicianId
    policies: RoomPolicies
    policy_version: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeConsultation:
    """The doctor connects."""

    consultation_id: ConsultationId
    clinician_id: ClinicianId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteConsultation:
    """`policies` are those that the consultation started with."""

    consultation_id: ConsultationId
    clinician_id: ClinicianId
    policies: RoomPolicies
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelConsultation:
    consultation_id: ConsultationId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireConsultation:
    """Its time may have come."""

    consultation_id: ConsultationId
    now: datetime


ConsultationCommand = (
    OpenConsultation
    | RescheduleConsultation
    | RecordPayment
    | RecordRefund
    | RecordConclusion
    | AdmitPatient
    | LeaveRoom
    | TakeInWork
    | ResumeConsultation
    | CompleteConsultation
    | CancelConsultation
    | ExpireConsultation
)

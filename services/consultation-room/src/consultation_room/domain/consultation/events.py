"""Facts of a consultation. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime

from consultation_room.domain.details import ConsultationDetails, Participants, PaymentStatus
from vocabulary.ids import ConclusionId, ConsultationId, InvoiceId

__all__ = [
    "STORED_NAMES",
    "ConsultationCancelled",
    "ConsultationCompleted",
    "ConsultationConclusionRecorded",
    "ConsultationEvent",
    "ConsultationExpired",
    "ConsultationOpened",
    "ConsultationPaymentRecorded",
    "ConsultationRefundRecorded",
    "ConsultationRescheduled",
    "ConsultationResumed",
    "ConsultationSuspended",
    "ConsultationTakenInWork",
    "PatientJoined",
    "PatientLeft",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationOpened:
    """The room of a reserved online appointment exists. At `expires_at` it ends if it was not taken."""

    details: ConsultationDetails
    payment_status: PaymentStatus
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationPaymentRecorded:
    """Its appointment was paid. May come before the room is opened, and for appointments that never get one."""

    consultation_id: ConsultationId
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationRefundRecorded:
    """The payment went back."""

    consultation_id: ConsultationId
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationRescheduled:
    """The appointment was moved."""

    consultation_id: ConsultationId
    planned_start: datetime
    planned_end: datetime
    zone: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientJoined:
    """The patient waits for the doctor."""

    consultation_id: ConsultationId
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientLeft:
    """The patient does not wait any more; the doctor had not taken the consultation yet."""

    consultation_id: ConsultationId
    left_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationTakenInWork:
    """The doctor started it. `policy_version` is of the policies that hold until its end (OPS-15)."""

    participants: Participants
    doctor_name: str
    specialty: str
    taken_at: datetime
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationSuspended:
    """The doctor left and can continue (ROOM-02)."""

    consultation_id: ConsultationId
    suspended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationResumed:
    """The doctor is back."""

    consultation_id: ConsultationId
    resumed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationCompleted:
    """The doctor ended it. The last two fields are what the patient is promised (ROOM-23)."""

    participants: Participants
    taken_at: datetime
    completed_at: datetime
    conclusion_due_hours: int
    call_centre_phones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationConclusionRecorded:
    """Its signed conclusion was published (ROOM-61)."""

    consultation_id: ConsultationId
    conclusion_id: ConclusionId
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationCancelled:
    """It will not take place."""

    participants: Participants


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationExpired:
    """The doctor did not take it in the time that the clinic gives.

    `patient_waited`: the patient was there in its planned time, so it is not the patient who stayed away (BKG-55).
    """

    participants: Participants
    patient_waited: bool = False


ConsultationEvent = (
    ConsultationOpened
    | ConsultationPaymentRecorded
    | ConsultationRefundRecorded
    | ConsultationRescheduled
    | PatientJoined
    | PatientLeft
    | ConsultationTakenInWork
    | ConsultationSuspended
    | ConsultationResumed
    | ConsultationCompleted
    | ConsultationConclusionRecorded
    | ConsultationCancelled
    | ConsultationExpired
)

STORED_NAMES: dict[type[ConsultationEvent], str] = {
    ConsultationOpened: "ConsultationOpened.v1",
    ConsultationPaymentRecorded: "ConsultationPaymentRecorded.v1",
    ConsultationRefundRecorded: "ConsultationRefundRecorded.v1",
    ConsultationRescheduled: "ConsultationRescheduled.v1",
    PatientJoined: "PatientJoined.v1",
    PatientLeft: "PatientLeft.v1",
    ConsultationTakenInWork: "ConsultationTakenInWork.v1",
    ConsultationSuspended: "ConsultationSuspended.v1",
    ConsultationResumed: "ConsultationResumed.v1",
    ConsultationCompleted: "ConsultationCompleted.v1",
    ConsultationConclusionRecorded: "ConsultationConclusionRecorded.v1",
    ConsultationCancelled: "ConsultationCancelled.v1",
    ConsultationExpired: "ConsultationExpired.v1",
}

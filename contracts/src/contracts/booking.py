"""What booking tells: the life of an appointment."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.fact import PublicEvent

__all__ = [
    "FACTS",
    "AppointmentCancelled",
    "AppointmentCompleted",
    "AppointmentRequested",
    "AppointmentRescheduled",
    "AppointmentReserved",
    "Channel",
    "ConsultationType",
    "LatePaymentRefused",
    "PaymentMode",
]

PaymentMode = Literal["PAY_TO_BOOK", "BOOK_THEN_PAY_TO_ENTER", "FREE"]
ConsultationType = Literal["PRIMARY", "REPEAT", "DOCTOR_TO_DOCTOR"]
Channel = Literal["CHAT", "AUDIO", "VIDEO", "PHONE"]


class AppointmentFact(PublicEvent):
    """What everyone needs to know of an appointment, repeated in its main facts."""

    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    doctor_name: str
    specialty: str
    branch_id: UUID
    zone: str = Field(description="IANA zone of the branch")
    kind: Literal["ONLINE", "CLINIC"]
    service_id: UUID
    starts_at: datetime
    ends_at: datetime
    payment_mode: PaymentMode
    consultation_type: ConsultationType = Field(
        default="PRIMARY", description="Fixed when planned work is booked (BKG-13)"
    )
    preferred_channel: Channel | None = Field(
        default=None, description="How the patient would like to talk, if they said so"
    )


class AppointmentRequested(AppointmentFact):
    """A slot is held for a patient; an invoice is due unless the mode is FREE."""

    hold_expires_at: datetime | None = Field(
        default=None, description="In PAY_TO_BOOK: pay before this instant"
    )


class AppointmentReserved(AppointmentFact):
    """The slot is the patient's. Repeated for one appointment only after a late payment re-took it."""

    payment_status: Literal["PAID", "UNPAID", "NOT_REQUIRED"]


class AppointmentRescheduled(AppointmentFact):
    """The same appointment at another time; payment moves along."""

    previous_starts_at: datetime
    previous_ends_at: datetime
    sequence: int = Field(ge=1, description="How often it has been moved, for calendar updates")


class AppointmentCancelled(PublicEvent):
    """The appointment will not take place. Repeated only when a lapsed hold is then given up for good."""

    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    starts_at: datetime
    by: Literal["PATIENT", "DOCTOR", "CLINIC", "SYSTEM"]
    reason: str = Field(
        description="A code: HOLD_EXPIRED, UNCONFIRMED_LIMIT, DOCTOR_ABSENT, or what the person chose; never free text"
    )
    was_reserved: bool = Field(description="False when only a hold ended")
    lead_minutes: int = Field(description="Whole minutes left before the start, negative after it")
    refund_eligible: bool = Field(description="By the cancel policy in force")


class LatePaymentRefused(PublicEvent):
    """Money came after the hold had ended and the slot was gone: it goes back in full (BKG-30)."""

    appointment_id: UUID
    patient_id: UUID
    invoice_id: UUID


class AppointmentCompleted(PublicEvent):
    """The appointment took place."""

    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID


FACTS = (
    AppointmentRequested,
    AppointmentReserved,
    AppointmentRescheduled,
    AppointmentCancelled,
    LatePaymentRefused,
    AppointmentCompleted,
)

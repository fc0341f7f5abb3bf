"""Facts of an appointment. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from booking.domain.details import AppointmentDetails
from vocabulary.ids import AppointmentId, InvoiceId

__all__ = [
    "DOCTOR_ABSENT",
    "HOLD_EXPIRED",
    "STORED_NAMES",
    "AppointmentCancelled",
    "AppointmentCompleted",
    "AppointmentEvent",
    "AppointmentNoShowMarked",
    "AppointmentPaymentRecorded",
    "AppointmentRequested",
    "AppointmentRescheduleDeclined",
    "AppointmentRescheduleRequested",
    "AppointmentRescheduled",
    "AppointmentReserved",
    "AppointmentStarted",
    "CancelledBy",
    "LatePaymentRefused",
    "PaymentStatus",
]

HOLD_EXPIRED = "HOLD_EXPIRED"
"""The reason of a cancellation that a late payment may still undo."""


DOCTOR_ABSENT = "DOCTOR_ABSENT"
"""The reason of a cancellation after the patient waited in vain: the doctor's doing, with a refund (BIL-43)."""


class PaymentStatus(StrEnum):
    """The payment dimension of an appointment (BKG-33)."""

    NOT_REQUIRED = "NOT_REQUIRED"
    UNPAID = "UNPAID"
    PAID = "PAID"


class CancelledBy(StrEnum):
    """Whose wish ended or moved it."""

    PATIENT = "PATIENT"
    DOCTOR = "DOCTOR"
    CLINIC = "CLINIC"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRequested:
    """A slot is claimed; in PAY_TO_BOOK until `hold_expires_at`, else for good.

    `booking_limit` is how many bookings with this doctor the patient may have; None: any number.
    """

    details: AppointmentDetails
    hold_expires_at: datetime | None = None
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentReserved:
    """The slot is the patient's."""

    details: AppointmentDetails
    payment_status: PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentPaymentRecorded:
    """Its invoice was paid: while its slot is held, after the hold has lapsed, when it is booked or over."""

    details: AppointmentDetails
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePaymentRefused:
    """Money came for a slot that is gone; it goes back in full (BKG-30)."""

    details: AppointmentDetails
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRescheduleRequested:
    """The patient asked for another time and may have it; the new slot is being taken.

    `move` numbers the requests of one appointment from 1.
    """

    details: AppointmentDetails
    request_id: UUID
    requested_at: datetime
    move: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRescheduled:
    """The new slot is the patient's; the old one is being freed. `sequence` counts the moves that came about."""

    details: AppointmentDetails
    previous_starts_at: datetime
    previous_ends_at: datetime
    sequence: int
    move: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRescheduleDeclined:
    """The new slot could not be had; the old time stands."""

    appointment_id: AppointmentId
    starts_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentCancelled:
    """It will not take place. `reason` is a code; `lead_minutes` is negative after the start."""

    details: AppointmentDetails
    by: CancelledBy
    reason: str
    was_reserved: bool
    lead_minutes: int
    refund_eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentStarted:
    """The doctor has taken its consultation in work."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentCompleted:
    """It took place."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentNoShowMarked:
    """It was booked and did not take place; it says nothing of who stayed away."""

    details: AppointmentDetails


AppointmentEvent = (
    AppointmentRequested
    | AppointmentReserved
    | AppointmentPaymentRecorded
    | LatePaymentRefused
    | AppointmentRescheduleRequested
    | AppointmentRescheduled
    | AppointmentRescheduleDeclined
    | AppointmentCancelled
    | AppointmentStarted
    | AppointmentCompleted
    | AppointmentNoShowMarked
)

STORED_NAMES: dict[type[AppointmentEvent], str] = {
    AppointmentRequested: "AppointmentRequested.v1",
    AppointmentReserved: "AppointmentReserved.v1",
    AppointmentPaymentRecorded: "AppointmentPaymentRecorded.v1",
    LatePaymentRefused: "LatePaymentRefused.v1",
    AppointmentRescheduleRequested: "AppointmentRescheduleRequested.v1",
    AppointmentRescheduled: "AppointmentRescheduled.v1",
    AppointmentRescheduleDeclined: "AppointmentRescheduleDeclined.v1",
    AppointmentCancelled: "AppointmentCancelled.v1",
    AppointmentStarted: "AppointmentStarted.v1",
    AppointmentCompleted: "AppointmentCompleted.v1",
    AppointmentNoShowMarked: "AppointmentNoShowMarked.v1",
}

"""Wishes about an appointment."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking.domain.appointment.events import CancelledBy
from booking.domain.details import AppointmentDetails
from booking.domain.policies import BookingPolicies
from vocabulary.ids import AppointmentId, InvoiceId

__all__ = [
    "AppointmentCommand",
    "CancelAppointment",
    "CompleteAppointment",
    "CompleteVisit",
    "DeclineReschedule",
    "LapseAppointment",
    "MarkNoShow",
    "MarkVisitMissed",
    "RecordLatePayment",
    "RecordPayment",
    "RequestAppointment",
    "RequestReschedule",
    "RescheduleAppointment",
    "ReserveAppointment",
    "StartAppointment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAppointment:
    details: AppointmentDetails
    hold_expires_at: datetime | None = None
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveAppointment:
    """The slot is booked; `invoice_id` when a payment booked it."""

    details: AppointmentDetails
    invoice_id: InvoiceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """Billing has the money."""

    appointment_id: AppointmentId
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLatePayment:
    """Money came, and the slot could not be booked with it."""

    appointment_id: AppointmentId
    invoice_id: InvoiceId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseAppointment:
    """The hold ended without a booking."""

    appointment_id: AppointmentId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAppointment:
    """`reason` is a code from a list, never free text."""

    appointment_id: AppointmentId
    by: CancelledBy
    reason: str
    policies: BookingPolicies
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReschedule:
    """To another time of the same doctor; a repeat has the same `request_id`."""

    appointment_id: AppointmentId
    by: CancelledBy
    starts_at: datetime
    ends_at: datetime
    request_id: UUID
    policies: BookingPolicies
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleAppointment:
    """The new slot is booked."""

    appointment_id: AppointmentId
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineReschedule:
    """The new slot could not be booked."""

    appointment_id: AppointmentId
    starts_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAppointment:
    """The doctor has taken its consultation in work."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteAppointment:
    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNoShow:
    """Its time is over, and it was not kept."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteVisit:
    """The doctor or the clinic says that the patient was there; of an appointment in the clinic no room does."""

    appointment_id: AppointmentId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkVisitMissed:
    """The doctor or the clinic says that the patient did not come."""

    appointment_id: AppointmentId
    now: datetime


AppointmentCommand = (
    RequestAppointment
    | ReserveAppointment
    | RecordPayment
    | RecordLatePayment
    | LapseAppointment
    | CancelAppointment
    | RequestReschedule
    | RescheduleAppointment
    | DeclineReschedule
    | StartAppointment
    | CompleteAppointment
    | MarkNoShow
    | CompleteVisit
    | MarkVisitMissed
)

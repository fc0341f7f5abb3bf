"""What an appointment remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass, replace
from typing import assert_never

from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentEvent,
    AppointmentPaymentRecorded,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentRescheduleDeclined,
    AppointmentRescheduleRequested,
    AppointmentReserved,
    LatePaymentRefused,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails

__all__ = ["Appointment", "Cancelled", "Completed", "Held", "Reserved", "Unknown", "evolve"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Waiting for its payment, or for the booking of its slot."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Booked; `moving_to` while a new time is being taken."""

    details: AppointmentDetails
    payment_status: PaymentStatus
    moves: int = 0
    moving_to: AppointmentDetails | None = None
    declined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Ended before its time. A lapsed hold may come back when the money arrives after all."""

    details: AppointmentDetails
    may_revive: bool
    late_payment_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Took place."""

    details: AppointmentDetails


Appointment = Unknown | Held | Reserved | Cancelled | Completed

HOLD_EXPIRED = "HOLD_EXPIRED"


def evolve(state: Appointment, event: AppointmentEvent) -> Appointment:
    match event:
        case AppointmentRequested():
            return Held(details=event.details)
        case AppointmentReserved():
            return Reserved(details=event.details, payment_status=event.payment_status)
        case AppointmentPaymentRecorded():
            return _reserved(state, payment_status=PaymentStatus.PAID)
        case LatePaymentRefused():
            return Cancelled(details=event.details, may_revive=False, late_payment_refused=True)
        case AppointmentRescheduleRequested():
            return _reserved(state, moving_to=event.details, declined=None)
        case AppointmentRescheduled():
            return _reserved(state, details=event.details, moves=event.sequence, moving_to=None)
        case AppointmentRescheduleDeclined():
            return _reserved(state, moving_to=None, declined=event.reason)
        case AppointmentCancelled():
            lapsed = event.reason == HOLD_EXPIRED
            return Cancelled(details=event.details, may_revive=lapsed)
        case AppointmentCompleted():
            return Completed(details=event.details)
        case _:
            assert_never(event)


def _reserved(state: Appointment, **changes: object) -> Appointment:
    return replace(state, **changes) if isinstance(state, Reserved) else state  # type: ignore[arg-type]  # field names stand in the callers above

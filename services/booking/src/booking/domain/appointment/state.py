"""What an appointment remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from booking.domain.appointment.events import (
    HOLD_EXPIRED,
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentEvent,
    AppointmentNoShowMarked,
    AppointmentPaymentRecorded,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentRescheduleDeclined,
    AppointmentRescheduleRequested,
    AppointmentReserved,
    AppointmentStarted,
    LatePaymentRefused,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails
from vocabulary.ids import InvoiceId

__all__ = [
    "Appointment",
    "Cancelled",
    "Completed",
    "Held",
    "Move",
    "NoShow",
    "Reserved",
    "Unknown",
    "evolve",
]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Waiting for its payment, or for the booking of its slot with the payment of `invoice_id`."""

    details: AppointmentDetails
    invoice_id: InvoiceId | None = None
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A wish for another time, and why it was declined if it was."""

    request_id: UUID
    details: AppointmentDetails
    number: int
    declined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Booked; `move` is the last wish for another time as long as it is open or declined; `started` once the doctor has
    taken its consultation in work.
    """

    details: AppointmentDetails
    payment_status: PaymentStatus
    moves_asked: int = 0
    moves_made: int = 0
    move: Move | None = None
    started: bool = False

    @property
    def open_move(self) -> Move | None:
        """The move whose slot is being taken."""
        return self.move if self.move and self.move.declined is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Ended before its time. A lapsed hold may come back when the money arrives after all.

    `money_settled`: what was paid for it has bought it, or was refused, so nothing follows from hearing of it again.
    `booking_limit`: as it was requested with, for coming back.
    """

    details: AppointmentDetails
    may_revive: bool
    money_settled: bool
    refund_eligible: bool
    invoice_id: InvoiceId | None = None
    booking_limit: int | None = None

    @property
    def coming_back(self) -> bool:
        """Late money asks for its slot, and has no answer yet."""
        return self.may_revive and self.invoice_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Took place; what is owed for it can still be paid (BIL-06)."""

    details: AppointmentDetails
    payment_status: PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NoShow:
    """Was booked and not kept; what is owed for it can still be paid."""

    details: AppointmentDetails
    payment_status: PaymentStatus


Appointment = Unknown | Held | Reserved | Cancelled | Completed | NoShow


def evolve(state: Appointment, event: AppointmentEvent) -> Appointment:
    match event:
        case AppointmentRequested():
            return Held(details=event.details, booking_limit=event.booking_limit)
        case AppointmentReserved():
            return Reserved(details=event.details, payment_status=event.payment_status)
        case AppointmentPaymentRecorded():
            return _paid(state, event)
        case LatePaymentRefused():
            return Cancelled(
                details=event.details, may_revive=False, money_settled=True, refund_eligible=True
            )
        case AppointmentRescheduleRequested():
            move = Move(request_id=event.request_id, details=event.details, number=event.move)
            return _reserved(state, move=move, moves_asked=event.move)
        case AppointmentRescheduled():
            return _reserved(state, details=event.details, moves_made=event.sequence, move=None)
        case AppointmentRescheduleDeclined():
            return _reserved(state, move=_declined(state, event.reason))
        case AppointmentCancelled():
            return Cancelled(
                details=event.details,
                may_revive=event.reason == HOLD_EXPIRED,
                money_settled=isinstance(state, Reserved | NoShow)
                and state.payment_status is PaymentStatus.PAID,
                refund_eligible=event.refund_eligible,
                booking_limit=state.booking_limit if isinstance(state, Held) else None,
            )
        case AppointmentStarted():
            return _reserved(state, started=True)
        case AppointmentCompleted():
            return Completed(details=event.details, payment_status=_payment_of(state))
        case AppointmentNoShowMarked():
            return NoShow(details=event.details, payment_status=_payment_of(state))
        case _:
            assert_never(event)


def _paid(state: Appointment, event: AppointmentPaymentRecorded) -> Appointment:
    match state:
        case Held() | Cancelled():
            return replace(state, invoice_id=event.invoice_id)
        case Reserved() | Completed() | NoShow():
            return replace(state, payment_status=PaymentStatus.PAID)
        case _:
            return state


def _payment_of(state: Appointment) -> PaymentStatus:
    """Only what was booked ends this way."""
    return state.payment_status if isinstance(state, Reserved) else PaymentStatus.NOT_REQUIRED


def _declined(state: Appointment, reason: str) -> Move | None:
    move = state.move if isinstance(state, Reserved) else None
    return move and replace(move, declined=reason)


def _reserved(state: Appointment, **changes: object) -> Appointment:
    return replace(state, **changes) if isinstance(state, Reserved) else state  # type: ignore[arg-type]  # field names stand in the callers above

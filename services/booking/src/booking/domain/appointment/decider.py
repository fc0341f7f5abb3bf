"""Rules of an appointment: who may cancel and move it when, and what happens to late money."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from booking.domain.appointment.commands import (
    AppointmentCommand,
    CancelAppointment,
    CompleteAppointment,
    CompleteVisit,
    DeclineReschedule,
    LapseAppointment,
    MarkNoShow,
    MarkVisitMissed,
    RecordLatePayment,
    RecordPayment,
    RequestAppointment,
    RequestReschedule,
    RescheduleAppointment,
    ReserveAppointment,
    StartAppointment,
)
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentAlreadyStarted,
    AppointmentNoShow,
    AppointmentNotBegun,
    AppointmentNotFound,
    EndsInItsRoom,
    NotReserved,
    PaidAppointmentNotCancellable,
    RescheduleInProgress,
    RescheduleTooLate,
)
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
    CancelledBy,
    LatePaymentRefused,
    PaymentStatus,
)
from booking.domain.appointment.state import (
    Appointment,
    Cancelled,
    Completed,
    Held,
    NoShow,
    Reserved,
    Unknown,
    evolve,
)
from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from booking.domain.policies import BookingPolicies
from decider import Decider

__all__ = ["APPOINTMENT", "decide"]


def decide(command: AppointmentCommand, state: Appointment) -> Sequence[AppointmentEvent]:
    match command:
        case RequestAppointment():
            return request(command, state)
        case ReserveAppointment():
            return reserve(command, state)
        case RecordPayment():
            return record_payment(command, state)
        case RecordLatePayment():
            return record_late_payment(command, state)
        case LapseAppointment():
            return lapse(command, state)
        case CancelAppointment():
            return cancel(command, state)
        case RequestReschedule():
            return request_reschedule(command, state)
        case RescheduleAppointment():
            return reschedule(command, state)
        case DeclineReschedule():
            return decline_reschedule(command, state)
        case StartAppointment():
            return start(state)
        case CompleteAppointment():
            return complete(state)
        case MarkNoShow():
            return mark_no_show(state)
        case CompleteVisit():
            return complete_visit(command, state)
        case MarkVisitMissed():
            return mark_visit_missed(command, state)
        case _:
            assert_never(command)


def request(command: RequestAppointment, state: Appointment) -> Sequence[AppointmentRequested]:
    if not isinstance(state, Unknown):
        return []
    return [
        AppointmentRequested(
            details=command.details,
            hold_expires_at=command.hold_expires_at,
            booking_limit=command.booking_limit,
        )
    ]


def reserve(command: ReserveAppointment, state: Appointment) -> Sequence[AppointmentReserved]:
    match state:
        case Reserved() | Completed() | NoShow():
            return []
        case Cancelled(may_revive=False):
            raise AppointmentAlreadyCancelled
        case Unknown() | Held() | Cancelled():
            status = _status_when_reserved(command)
            return [AppointmentReserved(details=command.details, payment_status=status)]
        case _:
            assert_never(state)


def record_payment(
    command: RecordPayment, state: Appointment
) -> Sequence[AppointmentPaymentRecorded | LatePaymentRefused]:
    """Money for a held or lapsed appointment books its slot, if it still can (BKG-30); a debt ends with it, also that
    of a visit that is over (BIL-06).
    """
    match state:
        case Unknown():
            raise AppointmentNotFound
        case Cancelled(money_settled=False, may_revive=False):
            return [LatePaymentRefused(details=state.details, invoice_id=command.invoice_id)]
        case (
            Held(invoice_id=None)
            | Cancelled(money_settled=False, invoice_id=None)
            | Reserved(payment_status=PaymentStatus.UNPAID)
            | Completed(payment_status=PaymentStatus.UNPAID)
            | NoShow(payment_status=PaymentStatus.UNPAID)
        ):
            return [
                AppointmentPaymentRecorded(details=state.details, invoice_id=command.invoice_id)
            ]
        case Held() | Cancelled() | Reserved() | Completed() | NoShow():
            return []
        case _:
            assert_never(state)


def record_late_payment(
    command: RecordLatePayment, state: Appointment
) -> Sequence[AppointmentCancelled | LatePaymentRefused]:
    """Only an appointment that was not had refuses money; a booked one has used it."""
    match state:
        case Unknown():
            raise AppointmentNotFound
        case Held():
            return [
                _lapsed(state.details, command.now),
                LatePaymentRefused(details=state.details, invoice_id=command.invoice_id),
            ]
        case Cancelled(money_settled=False):
            return [LatePaymentRefused(details=state.details, invoice_id=command.invoice_id)]
        case Cancelled() | Reserved() | Completed() | NoShow():
            return []
        case _:
            assert_never(state)


def lapse(command: LapseAppointment, state: Appointment) -> Sequence[AppointmentCancelled]:
    """A timer that comes after the booking changes nothing, nor does one that races with a payment."""
    match state:
        case Held(invoice_id=None):
            return [_lapsed(state.details, command.now)]
        case _:
            return []


def cancel(command: CancelAppointment, state: Appointment) -> Sequence[AppointmentCancelled]:
    """Who gives up a lapsed hold does not want it back: money that still comes is refused (BKG-30).

    Doctor and clinic may also take back a no-show: it was their mistake, or their goodwill (BIL-43).
    """
    match state:
        case Unknown():
            raise AppointmentNotFound
        case Cancelled(may_revive=False):
            return []
        case Completed():
            raise AppointmentAlreadyCompleted
        case NoShow() if command.by in (CancelledBy.PATIENT, CancelledBy.SYSTEM):
            raise AppointmentNoShow
        case Held() | Reserved() | Cancelled() | NoShow():
            eligible = True
            if command.by is CancelledBy.PATIENT and isinstance(state, Held | Reserved):
                eligible = _patient_may_leave(command.now, command.policies, state)
            return [
                _cancelled(
                    state.details,
                    by=command.by,
                    reason=command.reason,
                    was_reserved=isinstance(state, Reserved | NoShow),
                    now=command.now,
                    refund_eligible=eligible,
                )
            ]
        case _:
            assert_never(state)


def request_reschedule(
    command: RequestReschedule, state: Appointment
) -> Sequence[AppointmentRescheduleRequested]:
    reserved = _expect_reserved(state)
    if reserved.details.starts_at == command.starts_at or (
        reserved.move is not None and reserved.move.request_id == command.request_id
    ):
        return []
    if reserved.started:
        raise AppointmentAlreadyStarted
    if reserved.open_move is not None:
        raise RescheduleInProgress
    # The clinic moves as it cancels, without a window (BKG-52).
    if command.by is CancelledBy.PATIENT and not _patient_may_leave(
        command.now, command.policies, reserved
    ):
        allowed_until = _window_closes_at(reserved.details, command.policies)
        raise RescheduleTooLate(allowed_until=allowed_until)
    moved = replace(reserved.details, starts_at=command.starts_at, ends_at=command.ends_at)
    return [
        AppointmentRescheduleRequested(
            details=moved,
            request_id=command.request_id,
            requested_at=command.now,
            move=reserved.moves_asked + 1,
        )
    ]


def reschedule(
    command: RescheduleAppointment, state: Appointment
) -> Sequence[AppointmentRescheduled]:
    reserved = _expect_reserved(state)
    move, old = reserved.open_move, reserved.details
    if move is not None and move.details.starts_at == command.starts_at:
        return [
            AppointmentRescheduled(
                details=move.details,
                previous_starts_at=old.starts_at,
                previous_ends_at=old.ends_at,
                sequence=reserved.moves_made + 1,
                move=move.number,
            )
        ]
    if old.starts_at == command.starts_at:
        return []
    raise NotReserved


def decline_reschedule(
    command: DeclineReschedule, state: Appointment
) -> Sequence[AppointmentRescheduleDeclined]:
    move = state.open_move if isinstance(state, Reserved) else None
    if move is None or move.details.starts_at != command.starts_at:
        return []
    return [
        AppointmentRescheduleDeclined(
            appointment_id=command.appointment_id,
            starts_at=command.starts_at,
            reason=command.reason,
        )
    ]


def start(state: Appointment) -> Sequence[AppointmentStarted]:
    """Heard after a cancellation it is refused: which of the two came first is settled here, and the room follows."""
    if isinstance(state, Completed) or (isinstance(state, Reserved) and state.started):
        return []
    return [AppointmentStarted(details=_expect_reserved(state).details)]


def complete(state: Appointment) -> Sequence[AppointmentCompleted]:
    if isinstance(state, Completed):
        return []
    return [AppointmentCompleted(details=_expect_reserved(state).details)]


def mark_no_show(state: Appointment) -> Sequence[AppointmentNoShowMarked]:
    if isinstance(state, NoShow):
        return []
    return [AppointmentNoShowMarked(details=_expect_reserved(state).details)]


def complete_visit(command: CompleteVisit, state: Appointment) -> Sequence[AppointmentCompleted]:
    if isinstance(state, Completed):
        return []
    return [AppointmentCompleted(details=_expect_begun_visit(state, command.now).details)]


def mark_visit_missed(
    command: MarkVisitMissed, state: Appointment
) -> Sequence[AppointmentNoShowMarked]:
    if isinstance(state, NoShow):
        return []
    return [AppointmentNoShowMarked(details=_expect_begun_visit(state, command.now).details)]


def _status_when_reserved(command: ReserveAppointment) -> PaymentStatus:
    if command.invoice_id is not None:
        return PaymentStatus.PAID
    if command.details.payment_mode is PaymentMode.FREE:
        return PaymentStatus.NOT_REQUIRED
    return PaymentStatus.UNPAID


def _patient_may_leave(now: datetime, policies: BookingPolicies, state: Held | Reserved) -> bool:
    """Whether a refund is due, and so whether a move is allowed (BKG-51); raises when neither a cancellation nor a move
    is the patient's to make (BKG-49, BKG-50).
    """
    started = isinstance(state, Reserved) and state.started
    if started or now >= state.details.starts_at:
        raise AppointmentAlreadyStarted
    if isinstance(state, Held):
        return True
    if policies.cancel_policy == "UNPAID_ONLY":
        if state.payment_status is PaymentStatus.PAID:
            raise PaidAppointmentNotCancellable
        return True
    return now <= _window_closes_at(state.details, policies)


def _window_closes_at(details: AppointmentDetails, policies: BookingPolicies) -> datetime:
    """The last instant that still counts as in time: "not later than" (BKG-50)."""
    return details.starts_at - timedelta(minutes=policies.cancel_window_minutes)


def _lapsed(details: AppointmentDetails, now: datetime) -> AppointmentCancelled:
    """Not eligible: money that still comes either books the slot again or is refused, never both (BKG-30)."""
    return _cancelled(
        details,
        by=CancelledBy.SYSTEM,
        reason=HOLD_EXPIRED,
        was_reserved=False,
        now=now,
        refund_eligible=False,
    )


def _cancelled(
    details: AppointmentDetails,
    *,
    by: CancelledBy,
    reason: str,
    was_reserved: bool,
    now: datetime,
    refund_eligible: bool,
) -> AppointmentCancelled:
    return AppointmentCancelled(
        details=details,
        by=by,
        reason=reason,
        was_reserved=was_reserved,
        lead_minutes=(details.starts_at - now) // timedelta(minutes=1),
        refund_eligible=refund_eligible,
    )


def _expect_reserved(state: Appointment) -> Reserved:
    match state:
        case Reserved():
            return state
        case Unknown():
            raise AppointmentNotFound
        case Cancelled():
            raise AppointmentAlreadyCancelled
        case Completed():
            raise AppointmentAlreadyCompleted
        case NoShow():
            raise AppointmentNoShow
        case Held():
            raise NotReserved
        case _:
            assert_never(state)


def _expect_begun_visit(state: Appointment, now: datetime) -> Reserved:
    """A reserved appointment in the clinic whose time has come; raises what it is not."""
    reserved = _expect_reserved(state)
    details = reserved.details
    if details.kind is not AppointmentKind.CLINIC:
        raise EndsInItsRoom
    if now < details.starts_at:
        raise AppointmentNotBegun(starts_at=details.starts_at)
    return reserved


APPOINTMENT: Decider[AppointmentCommand, Appointment, AppointmentEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)

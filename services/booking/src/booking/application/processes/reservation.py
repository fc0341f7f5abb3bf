"""From a claimed slot to a reserved appointment, and from its end back to a free slot (S1, S7)."""

from collections.abc import Sequence
from functools import partial

from booking.application import Booking
from booking.domain.appointment.commands import (
    CancelAppointment,
    LapseAppointment,
    RecordLatePayment,
    RequestAppointment,
    ReserveAppointment,
)
from booking.domain.appointment.errors import AppointmentAlreadyCancelled
from booking.domain.appointment.events import (
    HOLD_EXPIRED,
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentPaymentRecorded,
    AppointmentRequested,
    AppointmentReserved,
    CancelledBy,
    LatePaymentRefused,
)
from booking.domain.appointment.state import Cancelled
from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.commands import BookSlot, FreeSlot
from booking.domain.doctor_day.errors import SlotUnavailable
from booking.domain.doctor_day.events import SlotBooked, SlotHeld, SlotHoldExpired
from booking.domain.doctor_day.state import day_key
from booking.domain.patient_booking_quota.commands import ClaimQuota, ReleaseQuota
from booking.domain.patient_booking_quota.errors import UnconfirmedLimit
from booking.domain.policies import BookingPolicies
from decider import Rejection
from messaging import Cause, Dispatch, Process
from vocabulary.ids import InvoiceId

__all__ = ["RESERVATION"]


def on_slot_held(event: SlotHeld, _cause: Cause) -> Sequence[Dispatch]:
    command = RequestAppointment(
        details=event.details,
        hold_expires_at=event.expires_at,
        booking_limit=event.booking_limit,
    )
    return [_to_appointment(event.details, command)]


def on_slot_booked(event: SlotBooked, cause: Cause) -> Sequence[Dispatch]:
    """Booked by a payment, or at once because none is due before; a move is not our business."""
    details, invoice_id = event.details, event.invoice_id
    if event.move:
        return []
    if invoice_id is None:
        command = RequestAppointment(details=details, booking_limit=event.booking_limit)
        return [_to_appointment(details, command)]
    give_back = [_free(details), _refuse_money(details, invoice_id, cause)]
    return [
        Dispatch(
            to="appointments",
            key=details.appointment_id,
            command=ReserveAppointment(details=details, invoice_id=invoice_id),
            otherwise={AppointmentAlreadyCancelled: lambda _: give_back},
        )
    ]


def on_appointment_requested(event: AppointmentRequested, cause: Cause) -> Sequence[Dispatch]:
    """It counts; and where nothing has to be paid before, it is reserved (refused if it may not count)."""
    details = event.details
    claim = Dispatch(
        to="quotas",
        key=details.patient_id,
        command=_claim_quota(details, event.booking_limit),
        otherwise={UnconfirmedLimit: partial(_cancel, details, cause)},
    )
    if event.hold_expires_at is not None:
        return [claim]
    return [claim, _to_appointment(details, ReserveAppointment(details=details))]


async def on_payment_recorded(
    event: AppointmentPaymentRecorded, cause: Cause, booking: Booking
) -> Sequence[Dispatch]:
    """Book what is held, take again what has lapsed, or give the money back (BKG-29, BKG-30).

    What lapsed has counted no more, so it has to count again before it takes anything (BKG-28).
    """
    details = event.details
    refuse = _refuse_money(details, event.invoice_id, cause)
    state, _ = await booking.appointments.load(tenant=cause.tenant, key=details.appointment_id)
    if isinstance(state, Cancelled):
        if not state.coming_back:
            return [refuse]
        again = _claim_quota(details, state.booking_limit, again=True)
        try:
            await booking.quotas.handle(
                again, key=details.patient_id, context=cause.command("again")
            )
        except UnconfirmedLimit:
            return [refuse]
    return [
        Dispatch(
            to="doctor_days",
            key=day_key(details.clinician_id, details.day),
            command=BookSlot(
                appointment_id=details.appointment_id,
                starts_at=details.starts_at,
                invoice_id=event.invoice_id,
                now=cause.now,
            ),
            otherwise={SlotUnavailable: lambda _: [refuse]},
        )
    ]


def on_slot_hold_expired(event: SlotHoldExpired, cause: Cause) -> Sequence[Dispatch]:
    command = LapseAppointment(appointment_id=event.details.appointment_id, now=cause.now)
    return [_to_appointment(event.details, command)]


def on_appointment_cancelled(event: AppointmentCancelled, _cause: Cause) -> Sequence[Dispatch]:
    """An expired hold has freed its slot by itself, and must stay there for a late payment (BKG-30)."""
    freed = [] if event.reason == HOLD_EXPIRED else [_free(event.details)]
    return [*freed, _release(event.details)]


def on_late_payment_refused(event: LatePaymentRefused, _cause: Cause) -> Sequence[Dispatch]:
    """It may have begun to count again in vain."""
    return [_release(event.details)]


def on_appointment_completed(event: AppointmentCompleted, _cause: Cause) -> Sequence[Dispatch]:
    return [_release(event.details)]


def on_no_show_marked(event: AppointmentNoShowMarked, _cause: Cause) -> Sequence[Dispatch]:
    return [_release(event.details)]


def _to_appointment(details: AppointmentDetails, command: object) -> Dispatch:
    return Dispatch(to="appointments", key=details.appointment_id, command=command)


def _free(details: AppointmentDetails) -> Dispatch:
    return Dispatch(
        to="doctor_days",
        key=day_key(details.clinician_id, details.day),
        command=FreeSlot(appointment_id=details.appointment_id, starts_at=details.starts_at),
    )


def _claim_quota(
    details: AppointmentDetails, limit: int | None, *, again: bool = False
) -> ClaimQuota:
    return ClaimQuota(
        patient_id=details.patient_id,
        appointment_id=details.appointment_id,
        clinician_id=details.clinician_id,
        limit=limit,
        again=again,
    )


def _release(details: AppointmentDetails) -> Dispatch:
    command = ReleaseQuota(patient_id=details.patient_id, appointment_id=details.appointment_id)
    return Dispatch(to="quotas", key=details.patient_id, command=command)


def _refuse_money(details: AppointmentDetails, invoice_id: InvoiceId, cause: Cause) -> Dispatch:
    command = RecordLatePayment(
        appointment_id=details.appointment_id, invoice_id=invoice_id, now=cause.now
    )
    return _to_appointment(details, command)


def _cancel(details: AppointmentDetails, cause: Cause, refusal: Rejection) -> Sequence[Dispatch]:
    command = CancelAppointment(
        appointment_id=details.appointment_id,
        by=CancelledBy.SYSTEM,
        reason=refusal.code,
        policies=BookingPolicies(),
        now=cause.now,
    )
    return [_to_appointment(details, command)]


RESERVATION = Process(
    name="reservation",
    reactions={
        SlotHeld: on_slot_held,
        SlotBooked: on_slot_booked,
        SlotHoldExpired: on_slot_hold_expired,
        AppointmentRequested: on_appointment_requested,
        AppointmentPaymentRecorded: on_payment_recorded,
        AppointmentCancelled: on_appointment_cancelled,
        LatePaymentRefused: on_late_payment_refused,
        AppointmentCompleted: on_appointment_completed,
        AppointmentNoShowMarked: on_no_show_marked,
    },
    starts={AppointmentRequested: lambda event: str(event.details.appointment_id)},
    ends={
        AppointmentReserved: lambda event: str(event.details.appointment_id),
        AppointmentCancelled: lambda event: str(event.details.appointment_id),
    },
)

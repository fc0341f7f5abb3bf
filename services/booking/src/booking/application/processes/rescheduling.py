"""Moving an appointment: the new slot first, then the old one, so that the patient is never without (S7, BKG-51)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from booking.domain.appointment.commands import DeclineReschedule, RescheduleAppointment
from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentRescheduled,
    AppointmentRescheduleDeclined,
    AppointmentRescheduleRequested,
)
from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.commands import FreeSlot, TakeSlot
from booking.domain.doctor_day.errors import SlotUnavailable
from booking.domain.doctor_day.events import SlotBooked
from booking.domain.doctor_day.state import day_key
from decider import Rejection
from messaging import Cause, Dispatch, Process

__all__ = ["RESCHEDULING"]


def on_reschedule_requested(
    event: AppointmentRescheduleRequested, cause: Cause
) -> Sequence[Dispatch]:
    details = event.details
    return [
        Dispatch(
            to="doctor_days",
            key=day_key(details.clinician_id, details.day),
            command=TakeSlot(details=details, now=cause.now, move=event.move),
            otherwise={SlotUnavailable: partial(_decline, details)},
        )
    ]


def on_slot_booked(event: SlotBooked, _cause: Cause) -> Sequence[Dispatch]:
    """A new time is had. If the appointment ended meanwhile, the time is given back."""
    details = event.details
    if not event.move:
        return []
    give_back = [_free(details, up_to_move=event.move)]
    return [
        Dispatch(
            to="appointments",
            key=details.appointment_id,
            command=RescheduleAppointment(
                appointment_id=details.appointment_id, starts_at=details.starts_at
            ),
            otherwise={Rejection: lambda _: give_back},
        )
    ]


def on_rescheduled(event: AppointmentRescheduled, _cause: Cause) -> Sequence[Dispatch]:
    old = replace(event.details, starts_at=event.previous_starts_at, ends_at=event.previous_ends_at)
    return [_free(old, up_to_move=event.move - 1)]


def _decline(details: AppointmentDetails, refusal: Rejection) -> Sequence[Dispatch]:
    command = DeclineReschedule(
        appointment_id=details.appointment_id,
        starts_at=details.starts_at,
        reason=refusal.code,
    )
    return [Dispatch(to="appointments", key=details.appointment_id, command=command)]


def _free(details: AppointmentDetails, *, up_to_move: int) -> Dispatch:
    return Dispatch(
        to="doctor_days",
        key=day_key(details.clinician_id, details.day),
        command=FreeSlot(
            appointment_id=details.appointment_id,
            starts_at=details.starts_at,
            up_to_move=up_to_move,
        ),
    )


RESCHEDULING = Process(
    name="rescheduling",
    reactions={
        AppointmentRescheduleRequested: on_reschedule_requested,
        SlotBooked: on_slot_booked,
        AppointmentRescheduled: on_rescheduled,
    },
    starts={AppointmentRescheduleRequested: lambda event: str(event.details.appointment_id)},
    ends={
        AppointmentRescheduled: lambda event: str(event.details.appointment_id),
        AppointmentRescheduleDeclined: lambda event: str(event.appointment_id),
        AppointmentCancelled: lambda event: str(event.details.appointment_id),
        AppointmentCompleted: lambda event: str(event.details.appointment_id),
        AppointmentNoShowMarked: lambda event: str(event.details.appointment_id),
    },
)

"""The new slot first, then the old one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking.application.processes.rescheduling import RESCHEDULING
from booking.domain.appointment.commands import DeclineReschedule, RescheduleAppointment
from booking.domain.appointment.errors import AppointmentAlreadyCancelled
from booking.domain.appointment.events import (
    AppointmentRescheduled,
    AppointmentRescheduleDeclined,
    AppointmentRescheduleRequested,
)
from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.commands import FreeSlot, TakeSlot
from booking.domain.doctor_day.errors import SlotTaken
from booking.domain.doctor_day.events import SlotBooked
from messaging import Cause, Dispatch

DAY = f"{UUID(int=3)}:2026-12-02"


def follow(event: Any, cause: Cause) -> list[Dispatch]:
    reactions: Any = RESCHEDULING.reactions
    return list(reactions[type(event)](event, cause))


@pytest.mark.requirement("BKG-51")
def test_a_wish_takes_the_new_slot_or_is_declined(
    details: AppointmentDetails, cause: Cause
) -> None:
    event = AppointmentRescheduleRequested(
        details=details, request_id=UUID(int=7), requested_at=cause.now, move=2
    )
    (take,) = follow(event, cause)
    assert (take.to, take.key) == ("doctor_days", DAY)
    assert take.command == TakeSlot(details=details, now=cause.now, move=2)
    (answer,) = take.otherwise.values()
    (decline,) = answer(SlotTaken(free_slots=()))
    assert decline.command == DeclineReschedule(
        appointment_id=details.appointment_id, starts_at=details.starts_at, reason="SLOT_TAKEN"
    )


@pytest.mark.requirement("BKG-51")
def test_a_taken_slot_moves_the_appointment_or_is_given_back(
    details: AppointmentDetails, cause: Cause
) -> None:
    (move,) = follow(SlotBooked(details=details, move=2), cause)
    assert move.command == RescheduleAppointment(
        appointment_id=details.appointment_id, starts_at=details.starts_at
    )
    (answer,) = move.otherwise.values()
    (back,) = answer(AppointmentAlreadyCancelled())
    assert back.command == FreeSlot(
        appointment_id=details.appointment_id, starts_at=details.starts_at, up_to_move=2
    )
    assert follow(SlotBooked(details=details), cause) == []


@pytest.mark.requirement("BKG-51")
def test_a_moved_appointment_frees_its_old_slot_on_its_old_day(
    details: AppointmentDetails, cause: Cause
) -> None:
    day = timedelta(days=1)
    event = AppointmentRescheduled(
        details=replace(details, starts_at=details.starts_at + day, ends_at=details.ends_at + day),
        previous_starts_at=details.starts_at,
        previous_ends_at=details.ends_at,
        sequence=1,
        move=2,
    )
    (free,) = follow(event, cause)
    assert (free.to, free.key) == ("doctor_days", DAY)
    assert free.command == FreeSlot(
        appointment_id=details.appointment_id, starts_at=details.starts_at, up_to_move=1
    )


def test_a_move_is_open_until_it_is_answered(details: AppointmentDetails, cause: Cause) -> None:
    wish = AppointmentRescheduleRequested(
        details=details, request_id=UUID(int=7), requested_at=cause.now, move=1
    )
    declined = AppointmentRescheduleDeclined(
        appointment_id=details.appointment_id, starts_at=details.starts_at, reason="SLOT_TAKEN"
    )
    assert [start(wish) for start in RESCHEDULING.starts.values()] == [str(UUID(int=1))]
    for event, end in RESCHEDULING.ends.items():
        sample = declined if event is AppointmentRescheduleDeclined else wish
        assert end(sample) == str(UUID(int=1))

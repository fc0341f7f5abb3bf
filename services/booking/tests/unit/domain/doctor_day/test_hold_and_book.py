"""A doctor's time is given away once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from booking.domain.doctor_day.commands import (
    BookSlot,
    ExpireHold,
    FreeSlot,
    HoldSlot,
    OpenSlots,
    TakeSlot,
    WithdrawSlots,
)
from booking.domain.doctor_day.decider import DOCTOR_DAY
from booking.domain.doctor_day.errors import SlotInPast, SlotNotHeld, SlotNotOffered, SlotTaken
from booking.domain.doctor_day.events import (
    Slot,
    SlotBooked,
    SlotFreed,
    SlotHeld,
    SlotHoldExpired,
    SlotHoldReleased,
    SlotsOpened,
    SlotsWithdrawn,
)
from decider import fold
from decider.testing import Specification
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    InvoiceId,
    PatientId,
    ServiceId,
    TemplateId,
)
from vocabulary.zone import ZoneId

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
TEN = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(minutes=15)
MOMENT = timedelta(microseconds=1)

details = AppointmentDetails(
    appointment_id=AppointmentId(UUID(int=1)),
    patient_id=PatientId(UUID(int=2)),
    clinician_id=ClinicianId(UUID(int=3)),
    doctor_name="Петрова А. И.",
    specialty="Терапевт",
    branch_id=BranchId(UUID(int=4)),
    zone=ZoneId("Europe/Moscow"),
    kind=AppointmentKind.ONLINE,
    service_id=ServiceId(UUID(int=5)),
    starts_at=TEN,
    ends_at=TEN + timedelta(minutes=30),
    payment_mode=PaymentMode.PAY_TO_BOOK,
)
rival = replace(
    details, appointment_id=AppointmentId(UUID(int=11)), patient_id=PatientId(UUID(int=12))
)
both = (AppointmentKind.ONLINE, AppointmentKind.CLINIC)
opened = SlotsOpened(
    template_id=TemplateId(UUID(int=6)),
    slots=(
        Slot(starts_at=TEN, ends_at=TEN + timedelta(minutes=30), kinds=both),
        Slot(
            starts_at=TEN + timedelta(minutes=30),
            ends_at=TEN + timedelta(minutes=60),
            kinds=(AppointmentKind.CLINIC,),
        ),
    ),
)
overlapping_offer = SlotsOpened(
    template_id=TemplateId(UUID(int=7)),
    slots=(
        Slot(
            starts_at=TEN + timedelta(minutes=15), ends_at=TEN + timedelta(minutes=45), kinds=both
        ),
    ),
)
hold = HoldSlot(details=details, expires_at=EXPIRES, now=NOW)
rival_hold = HoldSlot(details=rival, expires_at=EXPIRES, now=NOW)
held = SlotHeld(details=details, expires_at=EXPIRES, held_at=NOW)
rival_held = SlotHeld(details=rival, expires_at=EXPIRES, held_at=NOW)
booked = SlotBooked(details=details)
expired = SlotHoldExpired(details=details)
INVOICE = InvoiceId(UUID(int=8))
book = BookSlot(appointment_id=details.appointment_id, starts_at=TEN, invoice_id=INVOICE, now=NOW)
paid = SlotBooked(details=details, invoice_id=INVOICE)
free = FreeSlot(appointment_id=details.appointment_id, starts_at=TEN)

doctor_day = Specification(DOCTOR_DAY)


@pytest.mark.requirement("BKG-29")
def test_an_offered_slot_is_held_while_the_patient_pays() -> None:
    doctor_day.given(opened).when(hold).then(held)


@pytest.mark.requirement("BKG-26")
def test_a_held_slot_is_taken_for_everyone_else() -> None:
    free = (opened.slots[1],)
    doctor_day.given(opened, held).when(rival_hold).then_rejected(SlotTaken, free_slots=free)


@pytest.mark.requirement("BKG-26")
def test_a_booked_slot_is_taken_for_ever() -> None:
    later = replace(rival_hold, now=TEN - MOMENT)
    doctor_day.given(opened, booked).when(later).then_rejected(SlotTaken)


@pytest.mark.requirement("BKG-26")
def test_a_slot_that_overlaps_only_partly_is_taken_too() -> None:
    shifted = replace(
        rival, starts_at=TEN + timedelta(minutes=15), ends_at=TEN + timedelta(minutes=45)
    )
    command = HoldSlot(details=shifted, expires_at=EXPIRES, now=NOW)
    doctor_day.given(opened, overlapping_offer, held).when(command).then_rejected(SlotTaken)


def test_slots_that_only_touch_do_not_disturb_each_other() -> None:
    next_one = replace(
        rival,
        kind=AppointmentKind.CLINIC,
        starts_at=TEN + timedelta(minutes=30),
        ends_at=TEN + timedelta(minutes=60),
    )
    command = HoldSlot(details=next_one, expires_at=EXPIRES, now=NOW)
    doctor_day.given(opened, held).when(command).then(
        SlotHeld(details=next_one, expires_at=EXPIRES, held_at=NOW)
    )


@pytest.mark.requirement("BKG-29", "OPS-14")
def test_a_hold_is_respected_until_its_last_moment() -> None:
    before = replace(rival_hold, now=EXPIRES - MOMENT)
    doctor_day.given(opened, held).when(before).then_rejected(SlotTaken)


@pytest.mark.requirement("BKG-29", "OPS-14")
@pytest.mark.parametrize("late", [timedelta(0), MOMENT])
def test_a_hold_that_ran_out_makes_room_for_the_next(late: timedelta) -> None:
    now = EXPIRES + late
    command = HoldSlot(details=rival, expires_at=now + timedelta(minutes=15), now=now)
    doctor_day.given(opened, held).when(command).then(
        expired, SlotHeld(details=rival, expires_at=now + timedelta(minutes=15), held_at=now)
    )


@pytest.mark.requirement("BKG-29", "OPS-14")
@pytest.mark.parametrize("beyond", [-MOMENT, timedelta(0), MOMENT])
def test_a_hold_ends_with_the_start_of_its_slot_at_the_latest(beyond: timedelta) -> None:
    now = TEN - timedelta(minutes=15) + beyond
    command = HoldSlot(details=details, expires_at=now + timedelta(minutes=15), now=now)
    ends = min(TEN + beyond, TEN)
    doctor_day.given(opened).when(command).then(
        SlotHeld(details=details, expires_at=ends, held_at=now)
    )


@pytest.mark.requirement("BKG-29", "BKG-30", "OPS-14")
def test_money_books_a_held_slot_up_to_the_moment_before_it_begins() -> None:
    overlong = replace(held, expires_at=TEN + timedelta(minutes=5))
    given = doctor_day.given(opened, overlong)
    given.when(replace(book, now=TEN - MOMENT)).then(paid)
    for late in (timedelta(0), MOMENT):
        given.when(replace(book, now=TEN + late)).then_rejected(SlotInPast)


def test_only_exactly_offered_times_can_be_had() -> None:
    longer = replace(details, ends_at=TEN + timedelta(minutes=45))
    command = HoldSlot(details=longer, expires_at=EXPIRES, now=NOW)
    doctor_day.given(opened).when(command).then_rejected(SlotNotOffered)


def test_a_clinic_slot_is_not_offered_online() -> None:
    online = replace(
        details, starts_at=TEN + timedelta(minutes=30), ends_at=TEN + timedelta(minutes=60)
    )
    command = HoldSlot(details=online, expires_at=EXPIRES, now=NOW)
    doctor_day.given(opened).when(command).then_rejected(SlotNotOffered)


def test_a_withdrawn_slot_is_not_offered() -> None:
    withdrawn = SlotsWithdrawn(template_id=opened.template_id)
    doctor_day.given(opened, withdrawn).when(hold).then_rejected(SlotNotOffered)


@pytest.mark.parametrize("late", [timedelta(0), MOMENT])
def test_a_slot_that_has_begun_is_past(late: timedelta) -> None:
    doctor_day.given(opened).when(replace(hold, now=TEN + late)).then_rejected(SlotInPast)


def test_a_slot_can_be_had_up_to_the_moment_before_it_begins() -> None:
    command = TakeSlot(details=details, now=TEN - MOMENT)
    doctor_day.given(opened).when(command).then(booked)


@pytest.mark.requirement("BKG-29")
def test_payment_turns_the_hold_into_a_booking() -> None:
    doctor_day.given(opened, held).when(book).then(paid)


@pytest.mark.requirement("BKG-30")
def test_a_late_payment_takes_the_slot_again_while_it_is_free() -> None:
    late = replace(book, now=EXPIRES + timedelta(hours=1))
    doctor_day.given(opened, held, expired).when(late).then(paid)


@pytest.mark.requirement("BKG-30")
def test_a_late_payment_does_not_take_a_slot_from_someone_else() -> None:
    late = replace(book, now=EXPIRES)
    rival_held = SlotHeld(
        details=rival, expires_at=EXPIRES + timedelta(minutes=15), held_at=EXPIRES
    )
    doctor_day.given(opened, held, expired, rival_held).when(late).then_rejected(SlotTaken)


@pytest.mark.requirement("BKG-30")
def test_a_late_payment_does_not_book_a_slot_that_has_begun() -> None:
    late = replace(book, now=TEN)
    doctor_day.given(opened, held, expired).when(late).then_rejected(SlotInPast)


def test_a_given_up_hold_cannot_be_booked() -> None:
    released = SlotHoldReleased(appointment_id=details.appointment_id, starts_at=TEN)
    doctor_day.given(opened, held, released).when(book).then_rejected(SlotNotHeld)


@pytest.mark.requirement("BKG-29", "OPS-14")
def test_the_timer_frees_an_unpaid_hold_exactly_when_it_runs_out() -> None:
    expire = ExpireHold(appointment_id=details.appointment_id, starts_at=TEN, now=EXPIRES)
    doctor_day.given(opened, held).when(replace(expire, now=EXPIRES - MOMENT)).then_nothing()
    doctor_day.given(opened, held).when(expire).then(expired)
    doctor_day.given(opened, held).when(replace(expire, now=EXPIRES + MOMENT)).then(expired)


def test_the_timer_of_a_booked_slot_does_nothing() -> None:
    expire = ExpireHold(appointment_id=details.appointment_id, starts_at=TEN, now=EXPIRES)
    doctor_day.given(opened, held, booked).when(expire).then_nothing()


def test_a_freed_slot_can_be_held_by_the_next_patient() -> None:
    freed = SlotFreed(appointment_id=details.appointment_id, starts_at=TEN)
    doctor_day.given(opened, booked).when(free).then(freed)
    doctor_day.given(opened, booked, freed).when(rival_hold).then(rival_held)


def test_giving_up_a_hold_is_not_freeing_a_booking() -> None:
    released = SlotHoldReleased(appointment_id=details.appointment_id, starts_at=TEN)
    doctor_day.given(opened, held).when(free).then(released)
    doctor_day.given(opened).when(free).then_nothing()


def test_a_repeated_wish_claims_nothing_again() -> None:
    released = SlotHoldReleased(appointment_id=details.appointment_id, starts_at=TEN)
    freed = SlotFreed(appointment_id=details.appointment_id, starts_at=TEN)
    take = TakeSlot(details=details, now=NOW)
    doctor_day.given(opened, held, released).when(hold).then_nothing()
    doctor_day.given(opened, held, expired).when(hold).then_nothing()
    doctor_day.given(opened, held, expired).when(take).then_nothing()
    doctor_day.given(opened, booked, freed).when(take).then_nothing()
    doctor_day.given(opened, booked).when(book).then_nothing()
    doctor_day.given(opened, booked, freed).when(free).then_nothing()


@pytest.mark.requirement("BKG-51")
def test_an_appointment_can_move_back_to_a_time_that_it_gave_up() -> None:
    freed = SlotFreed(appointment_id=details.appointment_id, starts_at=TEN)
    back = TakeSlot(details=details, now=NOW, move=2)
    taken = SlotBooked(details=details, move=2)
    doctor_day.given(opened, booked, freed).when(back).then(taken)
    gone = replace(freed, move=2)
    doctor_day.given(opened, booked, freed, taken, gone).when(back).then_nothing()


@pytest.mark.requirement("BKG-51")
def test_freeing_an_earlier_claim_late_leaves_the_later_one() -> None:
    freed = SlotFreed(appointment_id=details.appointment_id, starts_at=TEN)
    taken = SlotBooked(details=details, move=2)
    days = doctor_day.given(opened, booked, freed, taken)
    days.when(replace(free, up_to_move=1)).then_nothing()
    days.when(replace(free, up_to_move=2)).then(replace(freed, move=2))


def test_offers_change_only_when_they_differ() -> None:
    offer = OpenSlots(template_id=opened.template_id, slots=opened.slots)
    withdraw = WithdrawSlots(template_id=opened.template_id)
    doctor_day.given().when(offer).then(opened)
    doctor_day.given(opened).when(withdraw).then(SlotsWithdrawn(template_id=opened.template_id))
    doctor_day.given().when(withdraw).then_nothing()


def test_free_slots_are_those_to_come_that_nobody_claims() -> None:
    first, second = opened.slots
    state = fold(DOCTOR_DAY, (opened, held))
    assert state.free_slots(NOW) == (second,)
    assert state.free_slots(EXPIRES - MOMENT) == (second,)
    assert state.free_slots(EXPIRES) == (first, second)
    assert fold(DOCTOR_DAY, (opened, booked)).free_slots(EXPIRES) == (second,)
    assert fold(DOCTOR_DAY, [opened]).free_slots(TEN - MOMENT) == (first, second)
    assert fold(DOCTOR_DAY, [opened]).free_slots(TEN) == (second,)


@pytest.mark.requirement("BKG-51")
def test_a_later_move_takes_over_a_time_that_an_earlier_one_is_about_to_give_back() -> None:
    """Else nobody would answer the later move: what it asks for is its own, and then it is freed."""
    earlier = SlotBooked(details=details, move=1)
    days = doctor_day.given(opened, earlier)
    later = replace(earlier, move=2)
    days.when(TakeSlot(details=details, now=NOW, move=2)).then(later)
    days.when(TakeSlot(details=details, now=NOW, move=1)).then_nothing()
    doctor_day.given(opened, earlier, later).when(replace(free, up_to_move=1)).then_nothing()

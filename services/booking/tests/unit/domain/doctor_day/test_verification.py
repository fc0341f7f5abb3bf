"""The checker of the whole log finds what the decider never lets happen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from booking.domain.doctor_day.events import (
    DoctorDayEvent,
    SlotBooked,
    SlotFreed,
    SlotHeld,
    SlotHoldExpired,
    SlotHoldReleased,
    SlotsOpened,
)
from booking.domain.doctor_day.verification import DoubleBooking, find_double_bookings
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId, ServiceId, TemplateId
from vocabulary.zone import ZoneId

TEN = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
one = AppointmentDetails(
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
shifted = replace(
    one,
    appointment_id=AppointmentId(UUID(int=11)),
    starts_at=TEN + timedelta(minutes=15),
    ends_at=TEN + timedelta(minutes=45),
)
other_doctor = replace(shifted, clinician_id=ClinicianId(UUID(int=13)))
after = replace(shifted, starts_at=one.ends_at, ends_at=TEN + timedelta(hours=1))
held = SlotHeld(details=one, expires_at=TEN, held_at=TEN)
booked = SlotBooked(details=one)
rival = SlotBooked(details=shifted)


@pytest.mark.requirement("BKG-26")
@pytest.mark.parametrize("first", [held, booked])
def test_overlapping_claims_of_one_doctor_are_found(first: DoctorDayEvent) -> None:
    assert find_double_bookings([first, rival]) == [DoubleBooking(first=one, second=shifted)]


@pytest.mark.parametrize(
    "history",
    [
        [held, booked],
        [booked, SlotBooked(details=other_doctor)],
        [booked, SlotBooked(details=after)],
        [held, SlotHoldExpired(details=one), rival],
        [held, SlotHoldReleased(appointment_id=one.appointment_id, starts_at=TEN), rival],
        [booked, SlotFreed(appointment_id=one.appointment_id, starts_at=TEN), rival],
        [SlotsOpened(template_id=TemplateId(UUID(int=6)), slots=())],
    ],
)
def test_claims_one_after_the_other_are_no_double_booking(history: list[DoctorDayEvent]) -> None:
    assert find_double_bookings(history) == []

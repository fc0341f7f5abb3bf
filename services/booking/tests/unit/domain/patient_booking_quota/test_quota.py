"""An unconfirmed patient has one booking per doctor."""

from dataclasses import replace
from uuid import UUID

import pytest

from booking.domain.patient_booking_quota.commands import ClaimQuota, ReleaseQuota
from booking.domain.patient_booking_quota.decider import PATIENT_BOOKING_QUOTA
from booking.domain.patient_booking_quota.errors import UnconfirmedLimit
from booking.domain.patient_booking_quota.events import BookingQuotaClaimed, BookingQuotaReleased
from decider.testing import Specification
from vocabulary.ids import AppointmentId, ClinicianId, PatientId

PATIENT = PatientId(UUID(int=1))
FIRST, SECOND = AppointmentId(UUID(int=2)), AppointmentId(UUID(int=3))
claim = ClaimQuota(
    patient_id=PATIENT, appointment_id=FIRST, clinician_id=ClinicianId(UUID(int=4)), limit=1
)
claimed = BookingQuotaClaimed(
    patient_id=PATIENT, appointment_id=FIRST, clinician_id=claim.clinician_id
)
another = replace(claim, appointment_id=SECOND)
release = ReleaseQuota(patient_id=PATIENT, appointment_id=FIRST)
released = BookingQuotaReleased(patient_id=PATIENT, appointment_id=FIRST)
quota = Specification(PATIENT_BOOKING_QUOTA)


@pytest.mark.requirement("BKG-28")
def test_the_second_booking_with_one_doctor_is_over_the_limit() -> None:
    quota.given().when(claim).then(claimed)
    quota.given(claimed).when(another).then_rejected(UnconfirmedLimit, limit=1)


@pytest.mark.requirement("BKG-28")
def test_the_limit_is_per_doctor() -> None:
    elsewhere = ClinicianId(UUID(int=5))
    quota.given(claimed).when(replace(another, clinician_id=elsewhere)).then(
        replace(claimed, appointment_id=SECOND, clinician_id=elsewhere)
    )


@pytest.mark.requirement("BKG-28")
def test_the_limit_is_the_policys_and_a_confirmed_patient_has_none() -> None:
    one_more = replace(claimed, appointment_id=SECOND)
    quota.given(claimed).when(replace(another, limit=2)).then(one_more)
    quota.given(claimed).when(replace(another, limit=None)).then(one_more)


@pytest.mark.requirement("BKG-28")
def test_an_ended_booking_makes_room_for_the_next() -> None:
    quota.given(claimed).when(release).then(released)
    quota.given(claimed, released).when(another).then(replace(claimed, appointment_id=SECOND))


def test_a_claim_heard_again_after_the_end_does_not_count() -> None:
    quota.given(claimed, released).when(claim).then_nothing()
    quota.given().when(release).then_nothing()


@pytest.mark.requirement("BKG-28", "BKG-30")
def test_an_ended_booking_that_comes_back_counts_again_if_there_is_room() -> None:
    again = replace(claim, again=True)
    back = quota.given(claimed, released)
    back.when(again).then(claimed)
    quota.given(claimed, released, claimed).when(again).then_nothing()
    quota.given(claimed, released, claimed).when(another).then_rejected(UnconfirmedLimit, limit=1)
    other = replace(claimed, appointment_id=SECOND)
    quota.given(claimed, released, other).when(again).then_rejected(UnconfirmedLimit, limit=1)
    quota.given(claimed, released, other).when(replace(again, limit=2)).then(claimed)

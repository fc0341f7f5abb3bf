"""An appointment whose consultation the doctor has taken in work, and who may still end it."""

from datetime import timedelta
from uuid import UUID

import pytest

from booking.domain.appointment.commands import (
    CancelAppointment,
    CompleteAppointment,
    MarkNoShow,
    RequestReschedule,
    StartAppointment,
)
from booking.domain.appointment.decider import APPOINTMENT
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyStarted,
    AppointmentNoShow,
    AppointmentNotFound,
    NotReserved,
)
from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentRequested,
    AppointmentReserved,
    AppointmentStarted,
    CancelledBy,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails
from booking.domain.policies import BookingPolicies
from decider.testing import Specification
from vocabulary.ids import AppointmentId

ME = AppointmentId(UUID(int=1))
POLICIES = [
    BookingPolicies(),
    BookingPolicies(cancel_window_minutes=0),
    BookingPolicies(cancel_policy="UNPAID_ONLY"),
]

start = StartAppointment(appointment_id=ME)
appointment = Specification(APPOINTMENT)


def reserved_of(details: AppointmentDetails) -> AppointmentReserved:
    return AppointmentReserved(details=details, payment_status=PaymentStatus.UNPAID)


def cancellation(
    details: AppointmentDetails, by: CancelledBy, policies: BookingPolicies
) -> CancelAppointment:
    return CancelAppointment(
        appointment_id=ME,
        by=by,
        reason="OTHER",
        policies=policies,
        now=details.starts_at - timedelta(minutes=15),
    )


def cancelled_by(details: AppointmentDetails, by: CancelledBy) -> AppointmentCancelled:
    return AppointmentCancelled(
        details=details,
        by=by,
        reason="OTHER",
        was_reserved=True,
        lead_minutes=15,
        refund_eligible=True,
    )


def test_a_reserved_appointment_starts_once(details: AppointmentDetails) -> None:
    reserved, started = reserved_of(details), AppointmentStarted(details=details)
    appointment.given(reserved).when(start).then(started)
    appointment.given(reserved, started).when(start).then_nothing()
    completed = AppointmentCompleted(details=details)
    appointment.given(reserved, started).when(CompleteAppointment(appointment_id=ME)).then(
        completed
    )
    appointment.given(reserved, started, completed).when(start).then_nothing()


@pytest.mark.parametrize("policies", POLICIES)
def test_a_patient_neither_cancels_nor_moves_what_the_doctor_has_taken_in_work(
    details: AppointmentDetails, policies: BookingPolicies
) -> None:
    begun = appointment.given(reserved_of(details), AppointmentStarted(details=details))
    wish = cancellation(details, CancelledBy.PATIENT, policies)
    begun.when(wish).then_rejected(AppointmentAlreadyStarted)
    move = RequestReschedule(
        appointment_id=ME,
        by=CancelledBy.PATIENT,
        starts_at=details.starts_at + timedelta(days=1),
        ends_at=details.ends_at + timedelta(days=1),
        request_id=UUID(int=7),
        policies=policies,
        now=wish.now,
    )
    begun.when(move).then_rejected(AppointmentAlreadyStarted)


@pytest.mark.requirement("BKG-53")
@pytest.mark.parametrize("by", [CancelledBy.DOCTOR, CancelledBy.CLINIC])
def test_doctor_and_clinic_still_end_what_has_begun(
    details: AppointmentDetails, by: CancelledBy
) -> None:
    begun = appointment.given(reserved_of(details), AppointmentStarted(details=details))
    begun.when(cancellation(details, by, BookingPolicies())).then(cancelled_by(details, by))


def test_a_cancellation_that_came_first_stands(details: AppointmentDetails) -> None:
    """Doctor and patient act in the same second, each in a service of its own; this stream knows who was first."""
    cancelled = cancelled_by(details, CancelledBy.PATIENT)
    appointment.given(reserved_of(details), cancelled).when(start).then_rejected(
        AppointmentAlreadyCancelled
    )


def test_only_a_reserved_appointment_starts(details: AppointmentDetails) -> None:
    appointment.given().when(start).then_rejected(AppointmentNotFound)
    appointment.given(AppointmentRequested(details=details)).when(start).then_rejected(NotReserved)
    missed = AppointmentNoShowMarked(details=details)
    appointment.given(reserved_of(details), missed).when(start).then_rejected(AppointmentNoShow)
    begun = AppointmentStarted(details=details)
    appointment.given(reserved_of(details), begun).when(MarkNoShow(appointment_id=ME)).then(missed)

"""The end of an appointment in the clinic, as doctor or clinic tell it."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from booking.domain.appointment.commands import CompleteVisit, MarkVisitMissed
from booking.domain.appointment.decider import APPOINTMENT
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentNoShow,
    AppointmentNotBegun,
    AppointmentNotFound,
    EndsInItsRoom,
    NotReserved,
)
from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentRequested,
    AppointmentReserved,
    CancelledBy,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails, AppointmentKind
from decider.testing import Specification
from vocabulary.ids import AppointmentId

ME = AppointmentId(UUID(int=1))
MOMENT = timedelta(microseconds=1)
appointment = Specification(APPOINTMENT)


@pytest.fixture
def visit(details: AppointmentDetails) -> AppointmentDetails:
    return replace(details, kind=AppointmentKind.CLINIC)


def reserved(details: AppointmentDetails) -> AppointmentReserved:
    return AppointmentReserved(details=details, payment_status=PaymentStatus.PAID)


def wishes(now: datetime) -> tuple[CompleteVisit, MarkVisitMissed]:
    return CompleteVisit(appointment_id=ME, now=now), MarkVisitMissed(appointment_id=ME, now=now)


@pytest.mark.requirement("OPS-14")
@pytest.mark.parametrize("late", [timedelta(0), MOMENT, timedelta(days=1)])
def test_from_its_start_on_a_visit_is_completed_or_missed_once(
    visit: AppointmentDetails, late: timedelta
) -> None:
    complete, miss = wishes(visit.starts_at + late)
    completed = AppointmentCompleted(details=visit)
    missed = AppointmentNoShowMarked(details=visit)
    appointment.given(reserved(visit)).when(complete).then(completed)
    appointment.given(reserved(visit), completed).when(complete).then_nothing()
    appointment.given(reserved(visit), completed).when(miss).then_rejected(
        AppointmentAlreadyCompleted
    )
    appointment.given(reserved(visit)).when(miss).then(missed)
    appointment.given(reserved(visit), missed).when(miss).then_nothing()
    appointment.given(reserved(visit), missed).when(complete).then_rejected(AppointmentNoShow)


@pytest.mark.requirement("OPS-14")
def test_before_its_start_nobody_knows(visit: AppointmentDetails) -> None:
    for wish in wishes(visit.starts_at - MOMENT):
        appointment.given(reserved(visit)).when(wish).then_rejected(
            AppointmentNotBegun, starts_at=visit.starts_at
        )


def test_an_online_appointment_ends_in_its_room(details: AppointmentDetails) -> None:
    for wish in wishes(details.starts_at):
        appointment.given(reserved(details)).when(wish).then_rejected(EndsInItsRoom)


def test_only_a_reserved_visit_has_an_end(visit: AppointmentDetails) -> None:
    cancelled = AppointmentCancelled(
        details=visit,
        by=CancelledBy.PATIENT,
        reason="OTHER",
        was_reserved=True,
        lead_minutes=120,
        refund_eligible=True,
    )
    for wish in wishes(visit.starts_at):
        appointment.given().when(wish).then_rejected(AppointmentNotFound)
        held = AppointmentRequested(details=visit)
        appointment.given(held).when(wish).then_rejected(NotReserved)
        appointment.given(reserved(visit), cancelled).when(wish).then_rejected(
            AppointmentAlreadyCancelled
        )

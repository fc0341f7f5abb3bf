"""An appointment that nobody kept, and what may still become of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from booking.domain.appointment.commands import (
    AppointmentCommand,
    CancelAppointment,
    CompleteAppointment,
    MarkNoShow,
    RecordLatePayment,
    RecordPayment,
    RequestReschedule,
    RescheduleAppointment,
    ReserveAppointment,
)
from booking.domain.appointment.decider import APPOINTMENT
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentNoShow,
    AppointmentNotFound,
    NotReserved,
)
from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentPaymentRecorded,
    AppointmentRequested,
    AppointmentReserved,
    CancelledBy,
    LatePaymentRefused,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails
from booking.domain.policies import BookingPolicies
from decider.testing import Specification
from vocabulary.ids import AppointmentId, InvoiceId

ME, INVOICE = AppointmentId(UUID(int=1)), InvoiceId(UUID(int=6))
LATER = datetime(2026, 12, 2, 9, 0, tzinfo=UTC)

mark = MarkNoShow(appointment_id=ME)
appointment = Specification(APPOINTMENT)


@pytest.mark.parametrize("payment", PaymentStatus)
def test_a_reserved_appointment_that_nobody_kept_is_marked_once(
    details: AppointmentDetails, payment: PaymentStatus
) -> None:
    reserved = AppointmentReserved(details=details, payment_status=payment)
    marked = AppointmentNoShowMarked(details=details)
    appointment.given(reserved).when(mark).then(marked)
    appointment.given(reserved, marked).when(mark).then_nothing()


def test_only_a_reserved_appointment_can_be_a_no_show(details: AppointmentDetails) -> None:
    reserved = AppointmentReserved(details=details, payment_status=PaymentStatus.PAID)
    cancelled = AppointmentCancelled(
        details=details,
        by=CancelledBy.PATIENT,
        reason="OTHER",
        was_reserved=True,
        lead_minutes=120,
        refund_eligible=True,
    )
    completed = AppointmentCompleted(details=details)
    appointment.given().when(mark).then_rejected(AppointmentNotFound)
    appointment.given(AppointmentRequested(details=details)).when(mark).then_rejected(NotReserved)
    appointment.given(reserved, cancelled).when(mark).then_rejected(AppointmentAlreadyCancelled)
    appointment.given(reserved, completed).when(mark).then_rejected(AppointmentAlreadyCompleted)


@pytest.mark.parametrize(
    "wish",
    [
        *(
            CancelAppointment(
                appointment_id=ME, by=by, reason="OTHER", policies=BookingPolicies(), now=LATER
            )
            for by in (CancelledBy.PATIENT, CancelledBy.SYSTEM)
        ),
        RequestReschedule(
            appointment_id=ME,
            by=CancelledBy.CLINIC,
            starts_at=LATER,
            ends_at=LATER + timedelta(minutes=30),
            request_id=UUID(int=7),
            policies=BookingPolicies(),
            now=LATER,
        ),
        RescheduleAppointment(appointment_id=ME, starts_at=LATER),
        CompleteAppointment(appointment_id=ME),
    ],
)
def test_a_no_show_is_neither_cancelled_by_the_patient_nor_moved_nor_completed(
    details: AppointmentDetails, wish: AppointmentCommand
) -> None:
    reserved = AppointmentReserved(details=details, payment_status=PaymentStatus.PAID)
    marked = AppointmentNoShowMarked(details=details)
    appointment.given(reserved, marked).when(wish).then_rejected(AppointmentNoShow)


@pytest.mark.requirement("BIL-43")
@pytest.mark.parametrize("by", [CancelledBy.DOCTOR, CancelledBy.CLINIC])
def test_doctor_and_clinic_take_a_no_show_back_with_a_full_refund(
    details: AppointmentDetails, by: CancelledBy
) -> None:
    reserved = AppointmentReserved(details=details, payment_status=PaymentStatus.PAID)
    marked = AppointmentNoShowMarked(details=details)
    take_back = CancelAppointment(
        appointment_id=ME, by=by, reason="OTHER", policies=BookingPolicies(), now=LATER
    )
    taken_back = AppointmentCancelled(
        details=details,
        by=by,
        reason="OTHER",
        was_reserved=True,
        lead_minutes=-11 * 60,
        refund_eligible=True,
    )
    appointment.given(reserved, marked).when(take_back).then(taken_back)
    pay = RecordPayment(appointment_id=ME, invoice_id=INVOICE)
    late = RecordLatePayment(appointment_id=ME, invoice_id=INVOICE, now=LATER)
    for again in (take_back, pay, late):
        appointment.given(reserved, marked, taken_back).when(again).then_nothing()


@pytest.mark.requirement("BIL-43")
def test_money_for_a_no_show_that_was_taken_back_unpaid_is_refused(
    details: AppointmentDetails,
) -> None:
    owed = AppointmentReserved(details=details, payment_status=PaymentStatus.UNPAID)
    taken_back = AppointmentCancelled(
        details=details,
        by=CancelledBy.CLINIC,
        reason="OTHER",
        was_reserved=True,
        lead_minutes=-11 * 60,
        refund_eligible=True,
    )
    history = (owed, AppointmentNoShowMarked(details=details), taken_back)
    appointment.given(*history).when(RecordPayment(appointment_id=ME, invoice_id=INVOICE)).then(
        LatePaymentRefused(details=details, invoice_id=INVOICE)
    )


def test_what_is_heard_late_of_a_no_show_changes_nothing(details: AppointmentDetails) -> None:
    reserved = AppointmentReserved(details=details, payment_status=PaymentStatus.PAID)
    marked = AppointmentNoShowMarked(details=details)
    for late in (
        ReserveAppointment(details=details, invoice_id=INVOICE),
        RecordPayment(appointment_id=ME, invoice_id=INVOICE),
        RecordLatePayment(appointment_id=ME, invoice_id=INVOICE, now=LATER),
    ):
        appointment.given(reserved, marked).when(late).then_nothing()


@pytest.mark.requirement("BIL-06")
@pytest.mark.parametrize("over", [AppointmentNoShowMarked, AppointmentCompleted])
def test_what_is_owed_for_a_visit_that_is_over_can_be_paid_once(
    details: AppointmentDetails, over: type[AppointmentNoShowMarked | AppointmentCompleted]
) -> None:
    unpaid = AppointmentReserved(details=details, payment_status=PaymentStatus.UNPAID)
    pay = RecordPayment(appointment_id=ME, invoice_id=INVOICE)
    paid = AppointmentPaymentRecorded(details=details, invoice_id=INVOICE)
    appointment.given(unpaid, over(details=details)).when(pay).then(paid)
    appointment.given(unpaid, over(details=details), paid).when(pay).then_nothing()

"""Who may cancel and move an appointment when, and what becomes of late money."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from booking.domain.appointment.commands import (
    CancelAppointment,
    CompleteAppointment,
    DeclineReschedule,
    LapseAppointment,
    RecordLatePayment,
    RecordPayment,
    RequestAppointment,
    RequestReschedule,
    RescheduleAppointment,
    ReserveAppointment,
)
from booking.domain.appointment.decider import APPOINTMENT
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentAlreadyStarted,
    AppointmentNotFound,
    NotReserved,
    PaidAppointmentNotCancellable,
    RescheduleInProgress,
    RescheduleTooLate,
)
from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentEvent,
    AppointmentPaymentRecorded,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentRescheduleDeclined,
    AppointmentRescheduleRequested,
    AppointmentReserved,
    CancelledBy,
    LatePaymentRefused,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from booking.domain.policies import BookingPolicies
from decider.testing import Specification
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    InvoiceId,
    PatientId,
    ServiceId,
)
from vocabulary.zone import ZoneId

START = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
IN_TIME = START - timedelta(minutes=120)
MOMENT = timedelta(microseconds=1)
POLICIES = BookingPolicies()
UNPAID_ONLY = BookingPolicies(cancel_policy="UNPAID_ONLY")

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
    starts_at=START,
    ends_at=START + timedelta(minutes=30),
    payment_mode=PaymentMode.PAY_TO_BOOK,
)
moved = replace(
    details, starts_at=START + timedelta(days=1), ends_at=START + timedelta(days=1, minutes=30)
)
ME, INVOICE = details.appointment_id, InvoiceId(UUID(int=6))
requested = AppointmentRequested(details=details, hold_expires_at=IN_TIME)
paid = AppointmentReserved(details=details, payment_status=PaymentStatus.PAID)
unpaid = AppointmentReserved(details=details, payment_status=PaymentStatus.UNPAID)
completed = AppointmentCompleted(details=details)
cancel = CancelAppointment(
    appointment_id=ME, by=CancelledBy.PATIENT, reason="OTHER", policies=POLICIES, now=IN_TIME
)
cancelled = AppointmentCancelled(
    details=details,
    by=CancelledBy.PATIENT,
    reason="OTHER",
    was_reserved=True,
    lead_minutes=120,
    refund_eligible=True,
)
lapsed = AppointmentCancelled(
    details=details,
    by=CancelledBy.SYSTEM,
    reason="HOLD_EXPIRED",
    was_reserved=False,
    lead_minutes=120,
    refund_eligible=False,
)
WISH = UUID(int=7)
move = RequestReschedule(
    appointment_id=ME,
    by=CancelledBy.PATIENT,
    starts_at=moved.starts_at,
    ends_at=moved.ends_at,
    request_id=WISH,
    policies=POLICIES,
    now=IN_TIME,
)
moving = AppointmentRescheduleRequested(
    details=moved, request_id=WISH, requested_at=IN_TIME, move=1
)
rescheduled = AppointmentRescheduled(
    details=moved,
    previous_starts_at=details.starts_at,
    previous_ends_at=details.ends_at,
    sequence=1,
    move=1,
)

appointment = Specification(APPOINTMENT)


def test_a_held_slot_becomes_a_requested_appointment() -> None:
    command = RequestAppointment(details=details, hold_expires_at=IN_TIME)
    appointment.given().when(command).then(requested)
    appointment.given(requested, paid).when(command).then_nothing()


@pytest.mark.parametrize(
    ("mode", "invoice", "status"),
    [
        (PaymentMode.PAY_TO_BOOK, INVOICE, PaymentStatus.PAID),
        (PaymentMode.BOOK_THEN_PAY_TO_ENTER, None, PaymentStatus.UNPAID),
        (PaymentMode.FREE, None, PaymentStatus.NOT_REQUIRED),
    ],
)
def test_the_payment_mode_decides_what_a_reserved_appointment_owes(
    mode: PaymentMode, invoice: InvoiceId | None, status: PaymentStatus
) -> None:
    about = replace(details, payment_mode=mode)
    appointment.given(requested).when(ReserveAppointment(details=about, invoice_id=invoice)).then(
        AppointmentReserved(details=about, payment_status=status)
    )


@pytest.mark.requirement("BKG-30")
def test_a_lapsed_appointment_comes_back_when_its_slot_could_be_booked_after_all() -> None:
    appointment.given(requested, lapsed).when(
        ReserveAppointment(details=details, invoice_id=INVOICE)
    ).then(paid)


def test_an_appointment_that_a_person_cancelled_does_not_come_back() -> None:
    appointment.given(requested, cancelled).when(
        ReserveAppointment(details=details, invoice_id=INVOICE)
    ).then_rejected(AppointmentAlreadyCancelled)


@pytest.mark.requirement("BKG-30")
def test_money_for_a_lost_slot_is_refused_once() -> None:
    refused = LatePaymentRefused(details=details, invoice_id=INVOICE)
    late = RecordLatePayment(appointment_id=ME, invoice_id=INVOICE, now=IN_TIME)
    appointment.given(requested, lapsed).when(late).then(refused)
    appointment.given(requested, lapsed, refused).when(
        ReserveAppointment(details=details, invoice_id=INVOICE)
    ).then_rejected(AppointmentAlreadyCancelled)
    appointment.given(requested, paid).when(late).then_nothing()
    appointment.given(requested).when(late).then(lapsed, refused)
    appointment.given(requested, lapsed, refused).when(late).then_nothing()
    appointment.given().when(late).then_rejected(AppointmentNotFound)


pay = RecordPayment(appointment_id=ME, invoice_id=INVOICE)
recorded = AppointmentPaymentRecorded(details=details, invoice_id=INVOICE)


@pytest.mark.parametrize("before", [(unpaid,), (requested,), (requested, lapsed)])
def test_a_payment_is_recorded_once(before: tuple[AppointmentEvent, ...]) -> None:
    appointment.given(*before).when(pay).then(recorded)


def test_a_payment_of_what_is_paid_or_done_changes_nothing() -> None:
    appointment.given(paid).when(pay).then_nothing()
    appointment.given(paid, completed).when(pay).then_nothing()
    appointment.given().when(pay).then_rejected(AppointmentNotFound)


@pytest.mark.requirement("BKG-30")
def test_money_for_an_appointment_that_a_person_cancelled_is_refused() -> None:
    refused = LatePaymentRefused(details=details, invoice_id=INVOICE)
    appointment.given(requested, cancelled).when(pay).then(refused)
    appointment.given(unpaid, cancelled).when(pay).then(refused)


@pytest.mark.requirement("BKG-30")
def test_money_that_bought_a_cancelled_appointment_is_not_refused_when_heard_of_again() -> None:
    late = RecordLatePayment(appointment_id=ME, invoice_id=INVOICE, now=IN_TIME)
    appointment.given(paid, cancelled).when(pay).then_nothing()
    appointment.given(paid, cancelled).when(late).then_nothing()


@pytest.mark.requirement("BKG-30")
def test_a_hold_that_ends_while_its_payment_books_the_slot_does_not_cancel() -> None:
    lapse = LapseAppointment(appointment_id=ME, now=IN_TIME)
    appointment.given(requested, recorded).when(lapse).then_nothing()


def test_a_timer_ends_a_held_appointment_and_only_that() -> None:
    lapse = LapseAppointment(appointment_id=ME, now=IN_TIME)
    appointment.given(requested).when(lapse).then(lapsed)
    appointment.given(requested, paid).when(lapse).then_nothing()


@pytest.mark.requirement("BKG-49", "BKG-50", "OPS-14")
@pytest.mark.parametrize(
    ("now", "lead", "eligible"),
    [
        (IN_TIME - MOMENT, 120, True),
        (IN_TIME, 120, True),
        (IN_TIME + MOMENT, 119, False),
        (START - MOMENT, 0, False),
    ],
)
def test_in_the_window_the_money_comes_back_and_after_it_not(
    now: datetime, lead: int, eligible: bool
) -> None:
    appointment.given(requested, paid).when(replace(cancel, now=now)).then(
        replace(cancelled, lead_minutes=lead, refund_eligible=eligible)
    )


@pytest.mark.parametrize("now", [START, START + MOMENT])
def test_a_patient_cannot_cancel_what_has_begun(now: datetime) -> None:
    appointment.given(requested, paid).when(replace(cancel, now=now)).then_rejected(
        AppointmentAlreadyStarted
    )


def test_a_completed_appointment_cannot_be_cancelled() -> None:
    appointment.given(paid, completed).when(cancel).then_rejected(AppointmentAlreadyCompleted)


@pytest.mark.requirement("BKG-49")
def test_where_only_unpaid_ones_may_be_cancelled_a_paid_one_goes_through_the_clinic() -> None:
    by_patient = replace(cancel, policies=UNPAID_ONLY)
    appointment.given(paid).when(by_patient).then_rejected(PaidAppointmentNotCancellable)
    appointment.given(unpaid).when(replace(by_patient, now=START - MOMENT)).then(
        replace(cancelled, lead_minutes=0)
    )
    appointment.given(paid).when(replace(by_patient, by=CancelledBy.CLINIC)).then(
        replace(cancelled, by=CancelledBy.CLINIC)
    )


@pytest.mark.requirement("BKG-49")
def test_who_gives_up_a_hold_gets_money_on_its_way_back_whatever_the_policy() -> None:
    given_up = replace(cancelled, was_reserved=False, lead_minutes=119)
    late = replace(cancel, now=IN_TIME + MOMENT)
    appointment.given(requested).when(late).then(given_up)
    appointment.given(requested, recorded).when(late).then(given_up)


@pytest.mark.requirement("BKG-49")
def test_the_clinic_cancels_at_any_time_with_a_full_refund() -> None:
    late = replace(cancel, by=CancelledBy.DOCTOR, now=START + timedelta(minutes=5))
    appointment.given(paid).when(late).then(
        replace(cancelled, by=CancelledBy.DOCTOR, lead_minutes=-5)
    )


@pytest.mark.requirement("BKG-30")
@pytest.mark.parametrize("by", CancelledBy)
@pytest.mark.parametrize("now", [START - MOMENT, START, START + MOMENT])
@pytest.mark.parametrize("before", [(requested, lapsed), (requested, lapsed, recorded)])
def test_who_gives_up_a_lapsed_hold_gets_late_money_back(
    by: CancelledBy, now: datetime, before: tuple[AppointmentEvent, ...]
) -> None:
    give_up = replace(cancel, by=by, now=now)
    lead = 0 if now <= START else -1
    given_up = replace(cancelled, by=by, was_reserved=False, lead_minutes=lead)
    refused = LatePaymentRefused(details=details, invoice_id=INVOICE)
    late = RecordLatePayment(appointment_id=ME, invoice_id=INVOICE, now=now)
    appointment.given(*before).when(give_up).then(given_up)
    appointment.given(*before, given_up).when(give_up).then_nothing()
    appointment.given(*before, given_up).when(
        ReserveAppointment(details=details, invoice_id=INVOICE)
    ).then_rejected(AppointmentAlreadyCancelled)
    for money in (pay, late):
        appointment.given(*before, given_up).when(money).then(refused)
        appointment.given(*before, given_up, refused).when(money).then_nothing()


def test_cancelling_twice_or_nothing() -> None:
    appointment.given(paid, cancelled).when(cancel).then_nothing()
    appointment.given().when(cancel).then_rejected(AppointmentNotFound)


@pytest.mark.requirement("BKG-51", "OPS-14")
@pytest.mark.parametrize("now", [IN_TIME - MOMENT, IN_TIME])
def test_an_appointment_may_move_in_the_window(now: datetime) -> None:
    appointment.given(paid).when(replace(move, now=now)).then(replace(moving, requested_at=now))


@pytest.mark.requirement("BKG-51", "OPS-14")
def test_an_appointment_may_not_move_a_moment_after_the_window() -> None:
    appointment.given(paid).when(replace(move, now=IN_TIME + MOMENT)).then_rejected(
        RescheduleTooLate, allowed_until=IN_TIME
    )


@pytest.mark.requirement("BKG-49", "BKG-51")
def test_what_the_patient_may_not_cancel_is_not_moved_either() -> None:
    by_patient = replace(move, policies=UNPAID_ONLY)
    appointment.given(paid).when(by_patient).then_rejected(PaidAppointmentNotCancellable)
    last = replace(by_patient, now=START - MOMENT)
    appointment.given(unpaid).when(last).then(replace(moving, requested_at=START - MOMENT))
    for now in (START, START + MOMENT):
        appointment.given(unpaid).when(replace(last, now=now)).then_rejected(
            AppointmentAlreadyStarted
        )


@pytest.mark.requirement("BKG-51", "OPS-14")
def test_without_a_window_an_appointment_moves_until_its_start() -> None:
    no_window = replace(move, policies=BookingPolicies(cancel_window_minutes=0))
    last = replace(no_window, now=START - MOMENT)
    appointment.given(paid).when(last).then(replace(moving, requested_at=START - MOMENT))
    for now in (START, START + MOMENT):
        appointment.given(paid).when(replace(no_window, now=now)).then_rejected(
            AppointmentAlreadyStarted
        )


@pytest.mark.requirement("BKG-49", "BKG-51")
@pytest.mark.parametrize("policies", [POLICIES, UNPAID_ONLY])
@pytest.mark.parametrize("now", [IN_TIME, IN_TIME + MOMENT, START + MOMENT])
def test_the_clinic_moves_whenever_its_cancellation_would_be_refunded(
    policies: BookingPolicies, now: datetime
) -> None:
    by_clinic = replace(move, by=CancelledBy.CLINIC, policies=policies, now=now)
    appointment.given(paid).when(by_clinic).then(replace(moving, requested_at=now))


@pytest.mark.requirement("BKG-51")
def test_a_move_keeps_the_appointment_and_its_payment() -> None:
    settle = RescheduleAppointment(appointment_id=ME, starts_at=moved.starts_at)
    appointment.given(paid, moving).when(settle).then(rescheduled)
    pay = RecordPayment(appointment_id=ME, invoice_id=INVOICE)
    appointment.given(paid, moving, rescheduled).when(pay).then_nothing()


@pytest.mark.requirement("BKG-51")
def test_a_declined_move_leaves_the_old_time() -> None:
    decline = DeclineReschedule(appointment_id=ME, starts_at=moved.starts_at, reason="SLOT_TAKEN")
    declined = AppointmentRescheduleDeclined(
        appointment_id=ME, starts_at=moved.starts_at, reason="SLOT_TAKEN"
    )
    appointment.given(paid, moving).when(decline).then(declined)
    appointment.given(paid, moving, declined).when(CompleteAppointment(appointment_id=ME)).then(
        completed
    )
    elsewhere = replace(decline, starts_at=START)
    appointment.given(paid, moving).when(elsewhere).then_nothing()
    appointment.given(requested).when(decline).then_nothing()


def test_one_move_at_a_time() -> None:
    third = replace(
        move,
        starts_at=moved.starts_at + timedelta(days=1),
        ends_at=moved.ends_at + timedelta(days=1),
        request_id=UUID(int=8),
    )
    appointment.given(paid, moving).when(third).then_rejected(RescheduleInProgress)
    appointment.given(requested).when(move).then_rejected(NotReserved)
    appointment.given().when(move).then_rejected(AppointmentNotFound)
    appointment.given(paid, completed).when(move).then_rejected(AppointmentAlreadyCompleted)


def test_a_declined_wish_is_declined_for_good_and_a_new_one_is_heard() -> None:
    declined = AppointmentRescheduleDeclined(
        appointment_id=ME, starts_at=moved.starts_at, reason="SLOT_TAKEN"
    )
    appointment.given(paid, moving, declined).when(move).then_nothing()
    again = replace(move, request_id=UUID(int=8))
    appointment.given(paid, moving, declined).when(again).then(
        replace(moving, request_id=UUID(int=8), move=2)
    )


def test_moving_to_where_it_is_changes_nothing() -> None:
    stay = replace(move, starts_at=details.starts_at, ends_at=details.ends_at)
    appointment.given(paid).when(stay).then_nothing()


def test_a_slot_that_nobody_asked_for_moves_nothing() -> None:
    settle = RescheduleAppointment(appointment_id=ME, starts_at=moved.starts_at)
    appointment.given(paid).when(settle).then_rejected(NotReserved)
    appointment.given(paid, moving, rescheduled).when(settle).then_nothing()


def test_only_a_reserved_appointment_is_completed() -> None:
    complete = CompleteAppointment(appointment_id=ME)
    appointment.given(paid).when(complete).then(completed)
    appointment.given(requested).when(complete).then_rejected(NotReserved)
    appointment.given(paid, cancelled).when(complete).then_rejected(AppointmentAlreadyCancelled)

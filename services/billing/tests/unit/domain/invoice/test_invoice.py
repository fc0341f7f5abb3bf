"""An invoice is paid once and whole, and its money either pays a visit or goes back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from billing.domain.details import (
    CancelledBy,
    InvoiceDetails,
    InvoiceLine,
    InvoiceSource,
    PaymentDetails,
    RefundCause,
)
from billing.domain.invoice.commands import (
    CancelInvoice,
    CloseInvoicePayment,
    IssuePreliminaryInvoice,
    MarkInvoicePaid,
    MarkInvoiceRefunded,
    NoteLatePaymentRefusal,
    NoteReservation,
    OpenInvoicePayment,
)
from billing.domain.invoice.decider import INVOICE, invoice_id_of, invoice_number
from billing.domain.invoice.errors import (
    HoldEnded,
    InvoiceAlreadyPaid,
    InvoiceNotFound,
    InvoiceNotPaid,
    InvoiceVoid,
)
from billing.domain.invoice.events import (
    AppointmentCancellationNoted,
    AppointmentReservationNoted,
    InvoiceCancelled,
    InvoiceEvent,
    InvoicePaid,
    InvoicePaymentClosed,
    InvoicePaymentOpened,
    InvoiceRefunded,
    PreliminaryInvoiceIssued,
    RefundDeclinedByPolicy,
    RefundDue,
    SurplusPaymentReceived,
)
from billing.domain.policies import BillingPolicies
from decider import fold
from decider.testing import Specification
from vocabulary.ids import AppointmentId, BranchId, PatientId, PaymentId, ServiceId
from vocabulary.money import Money
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOLD_ENDS = NOW + timedelta(minutes=15)
MOMENT = timedelta(microseconds=1)
POLICIES = BillingPolicies()
VISIT, PATIENT = AppointmentId(UUID(int=1)), PatientId(UUID(int=2))
FIRST, SECOND = PaymentId(UUID(int=11)), PaymentId(UUID(int=12))
EMAIL = Sealed[str](subject=PATIENT, field="receipt_email", cipher="c2VhbGVk")
LINES = (
    InvoiceLine(
        service_id=ServiceId(UUID(int=3)), code="A", name="Приём", price=Money(kopecks=100_000)
    ),
    InvoiceLine(
        service_id=ServiceId(UUID(int=4)), code="B", name="ЭКГ", price=Money(kopecks=50_001)
    ),
)
details = InvoiceDetails(
    invoice_id=invoice_id_of(VISIT),
    number=invoice_number(invoice_id_of(VISIT), date(2026, 11, 21)),
    appointment_id=VISIT,
    patient_id=PATIENT,
    branch_id=BranchId(UUID(int=5)),
    total=Money(kopecks=150_001),
)
issue = IssuePreliminaryInvoice(
    invoice_id=details.invoice_id,
    appointment_id=VISIT,
    patient_id=PATIENT,
    branch_id=details.branch_id,
    lines=LINES,
    issued_on=date(2026, 11, 21),
    pay_before=HOLD_ENDS,
)
issued = PreliminaryInvoiceIssued(
    invoice=details,
    issued_on=date(2026, 11, 21),
    source=InvoiceSource.APPOINTMENT,
    lines=LINES,
    pay_before=HOLD_ENDS,
)
payment = PaymentDetails(
    payment_id=FIRST,
    invoice_id=details.invoice_id,
    appointment_id=VISIT,
    patient_id=PATIENT,
    amount=details.total,
)
pay = OpenInvoicePayment(
    invoice_id=details.invoice_id,
    payment_id=FIRST,
    return_url="https://clinic.example/back",
    receipt_email=EMAIL,
    policies=POLICIES,
    now=NOW,
)
opened = InvoicePaymentOpened(
    payment=payment,
    number=details.number,
    lines=LINES,
    vat_code=1,
    return_url="https://clinic.example/back",
    receipt_email=EMAIL,
    opened_at=NOW,
    expires_at=HOLD_ENDS,
    watched_until=HOLD_ENDS + timedelta(minutes=60),
)
closed = InvoicePaymentClosed(payment_id=FIRST)
mark_paid = MarkInvoicePaid(payment_id=FIRST, paid_at=NOW)
paid = InvoicePaid(invoice=details, payment_id=FIRST, paid_at=NOW)
surplus = SurplusPaymentReceived(invoice=details, payment_id=SECOND, paid_at=NOW)
reserved = AppointmentReservationNoted(appointment_id=VISIT)
void = InvoiceCancelled(invoice=details)
cancel = CancelInvoice(
    appointment_id=VISIT,
    by=CancelledBy.PATIENT,
    reason="OTHER",
    was_reserved=True,
    lead_minutes=500,
    refund_eligible=True,
)
noted = AppointmentCancellationNoted(
    appointment_id=VISIT,
    by=CancelledBy.PATIENT,
    reason="OTHER",
    was_reserved=True,
    lead_minutes=500,
    refund_eligible=True,
    final=True,
)
lapse = replace(cancel, by=CancelledBy.SYSTEM, reason="HOLD_EXPIRED", was_reserved=False)
lapsed = replace(
    noted, by=CancelledBy.SYSTEM, reason="HOLD_EXPIRED", was_reserved=False, final=False
)
refused = NoteLatePaymentRefusal(appointment_id=VISIT)
due = RefundDue(payment=payment, cause=RefundCause.CANCELLED_IN_TIME)
late = replace(due, cause=RefundCause.LATE_PAYMENT)
invoice = Specification(INVOICE)


@pytest.mark.requirement("BIL-05", "BIL-07")
def test_an_appointment_gets_one_invoice_with_number_date_branch_lines_and_total() -> None:
    invoice.given().when(issue).then(issued)
    again = replace(issue, lines=LINES[:1], issued_on=date(2026, 11, 22))
    invoice.given(issued).when(again).then_nothing()


@pytest.mark.requirement("BIL-05")
def test_a_number_tells_the_day_and_differs_between_invoices() -> None:
    assert details.number.startswith("261121-")
    assert len(details.number) == 15
    numbers = {
        invoice_number(invoice_id_of(AppointmentId(UUID(int=n))), date(2026, 11, 21))
        for n in range(2_000)
    }
    assert len(numbers) == 2_000


@pytest.mark.requirement("BIL-10")
def test_a_payment_is_always_of_the_whole_total() -> None:
    invoice.given(issued).when(pay).then(opened)
    assert opened.payment.amount == Money(kopecks=150_001)


def test_one_try_at_a_time() -> None:
    invoice.given(issued, opened).when(replace(pay, payment_id=SECOND)).then_nothing()
    invoice.given(issued, opened, closed).when(replace(pay, payment_id=SECOND)).then(
        replace(opened, payment=replace(payment, payment_id=SECOND))
    )
    invoice.given(issued, opened, closed).when(pay).then_nothing()


@pytest.mark.parametrize("now", [HOLD_ENDS, HOLD_ENDS + MOMENT])
def test_nothing_can_be_paid_when_the_hold_has_ended(now: datetime) -> None:
    invoice.given(issued).when(replace(pay, now=now)).then_rejected(HoldEnded, pay_before=HOLD_ENDS)


def test_a_moment_before_the_hold_ends_one_can_pay() -> None:
    now = HOLD_ENDS - MOMENT
    invoice.given(issued).when(replace(pay, now=now)).then(replace(opened, opened_at=now))


def test_without_a_hold_the_policy_bounds_the_payment() -> None:
    policies = BillingPolicies(payment_minutes=30, late_payment_watch_minutes=10)
    invoice.given(replace(issued, pay_before=None)).when(replace(pay, policies=policies)).then(
        replace(
            opened,
            expires_at=NOW + timedelta(minutes=30),
            watched_until=NOW + timedelta(minutes=40),
        )
    )


@pytest.mark.requirement("BIL-10")
def test_what_is_paid_or_void_cannot_be_paid() -> None:
    second = replace(pay, payment_id=SECOND)
    invoice.given(issued, opened, paid).when(second).then_rejected(InvoiceAlreadyPaid)
    refunded = InvoiceRefunded(invoice=details, payment_id=FIRST)
    invoice.given(issued, paid, due, refunded).when(second).then_rejected(InvoiceAlreadyPaid)
    invoice.given(issued, noted, void).when(second).then_rejected(InvoiceVoid)
    invoice.given().when(pay).then_rejected(InvoiceNotFound)
    invoice.given(issued, opened, paid).when(pay).then_nothing()


def test_a_try_is_closed_once_and_only_the_open_one() -> None:
    close = CloseInvoicePayment(payment_id=FIRST)
    invoice.given(issued, opened).when(close).then(closed)
    invoice.given(issued, opened).when(CloseInvoicePayment(payment_id=SECOND)).then_nothing()
    invoice.given(issued, opened, paid).when(close).then_nothing()
    invoice.given().when(close).then_rejected(InvoiceNotFound)


@pytest.mark.requirement("BIL-16")
def test_money_pays_the_invoice_once() -> None:
    invoice.given(issued, opened).when(mark_paid).then(paid)
    invoice.given(issued, opened, paid).when(mark_paid).then_nothing()
    invoice.given().when(mark_paid).then_rejected(InvoiceNotFound)


def test_money_after_the_hold_lapsed_still_pays_and_waits_for_booking() -> None:
    invoice.given(issued, opened, lapsed, void).when(mark_paid).then(paid)


def test_late_money_of_a_retaken_slot_is_used() -> None:
    invoice.given(issued, lapsed, void, paid).when(NoteReservation(appointment_id=VISIT)).then(
        reserved
    )


@pytest.mark.requirement("BIL-43")
def test_late_money_of_a_lost_slot_goes_back() -> None:
    invoice.given(issued, lapsed, void, paid).when(refused).then(late)
    invoice.given(issued, lapsed, void, paid, late).when(refused).then_nothing()
    invoice.given(issued, lapsed, void).when(refused).then_rejected(InvoiceNotPaid)
    invoice.given().when(refused).then_rejected(InvoiceNotFound)


@pytest.mark.requirement("BIL-43")
def test_money_for_what_a_person_has_cancelled_goes_back_at_once() -> None:
    invoice.given(issued, opened, noted, void).when(mark_paid).then(paid, late)
    invoice.given(issued, opened, noted, void, paid, late).when(refused).then_nothing()


@pytest.mark.requirement("BIL-43")
def test_money_of_a_lapsed_hold_that_was_given_up_goes_back_once() -> None:
    """Whether it came before the word of booking or behind it."""
    given_up = replace(cancel, was_reserved=False)
    noted_so = replace(noted, was_reserved=False)
    invoice.given(issued, lapsed, void).when(given_up).then(noted_so)
    invoice.given(issued, lapsed, void, noted_so).when(mark_paid).then(paid, late)
    invoice.given(issued, lapsed, void, paid).when(given_up).then(noted_so, due)
    invoice.given(issued, lapsed, void, paid, noted_so, due).when(refused).then_nothing()


@pytest.mark.requirement("BIL-44")
def test_a_second_payment_of_one_invoice_goes_back() -> None:
    twice = RefundDue(payment=replace(payment, payment_id=SECOND), cause=RefundCause.PAID_TWICE)
    second = replace(mark_paid, payment_id=SECOND)
    invoice.given(issued, opened, paid).when(second).then(surplus, twice)
    invoice.given(issued, paid, surplus, twice, reserved).when(cancel).then(noted, due)
    refund_second = MarkInvoiceRefunded(payment_id=SECOND)
    invoice.given(issued, paid, surplus, twice).when(refund_second).then_nothing()


def test_a_surplus_payment_that_was_the_open_one_is_open_no_more() -> None:
    reopened = replace(opened, payment=replace(payment, payment_id=SECOND))
    history: list[InvoiceEvent] = [issued, opened, closed, reopened, paid, surplus]
    invoice.given(*history).when(CloseInvoicePayment(payment_id=SECOND)).then_nothing()


@pytest.mark.requirement("BIL-07")
def test_cancelling_the_booking_voids_the_open_invoice() -> None:
    invoice.given(issued).when(cancel).then(noted, void)
    invoice.given(issued, opened).when(lapse).then(lapsed, void)
    invoice.given(issued, noted, void).when(cancel).then_nothing()
    invoice.given(issued, lapsed, void).when(lapse).then_nothing()
    invoice.given().when(cancel).then_nothing()


def test_a_hold_that_lapses_beside_its_payment_is_left_to_booking() -> None:
    invoice.given(issued, opened, paid).when(lapse).then(lapsed)
    invoice.given(issued, opened, paid, lapsed).when(NoteReservation(appointment_id=VISIT)).then(
        reserved
    )
    invoice.given(issued, paid, lapsed, reserved).when(cancel).then(noted, due)


@pytest.mark.requirement("BIL-42")
@pytest.mark.parametrize("lead", [500, 121, 120, 119, 0])
@pytest.mark.parametrize("eligible", [True, False])
def test_what_booking_told_the_patient_is_what_happens_to_the_money(
    lead: int, eligible: bool
) -> None:
    command = replace(cancel, lead_minutes=lead, refund_eligible=eligible)
    noted_so = replace(noted, lead_minutes=lead, refund_eligible=eligible)
    declined = RefundDeclinedByPolicy(payment=payment, lead_minutes=lead)
    invoice.given(issued, opened, paid, reserved).when(command).then(
        noted_so, due if eligible else declined
    )


@pytest.mark.requirement("BIL-43")
@pytest.mark.parametrize("by", [CancelledBy.DOCTOR, CancelledBy.CLINIC, CancelledBy.SYSTEM])
def test_what_the_clinic_cancels_goes_back_at_any_time(by: CancelledBy) -> None:
    command = replace(cancel, by=by, lead_minutes=-5, refund_eligible=False)
    invoice.given(issued, paid, reserved).when(command).then(
        replace(noted, by=by, lead_minutes=-5, refund_eligible=False),
        replace(due, cause=RefundCause.CANCELLED_BY_CLINIC),
    )


@pytest.mark.requirement("BIL-44")
def test_money_is_decided_about_once() -> None:
    invoice.given(issued, paid, noted, due).when(refused).then_nothing()
    invoice.given(issued, lapsed, void, paid, late).when(cancel).then(noted)


@pytest.mark.requirement("BIL-43")
def test_money_that_came_after_the_end_goes_back_though_it_was_to_be_kept() -> None:
    """Booking heard of the payment after the cancellation: for it the visit was never paid."""
    declined = RefundDeclinedByPolicy(payment=payment, lead_minutes=10)
    invoice.given(issued, paid, noted, declined).when(refused).then(late)
    invoice.given(issued, paid, noted, declined, late).when(refused).then_nothing()


def test_a_reservation_is_noted_once_and_not_after_the_end() -> None:
    note = NoteReservation(appointment_id=VISIT)
    invoice.given(issued).when(note).then(reserved)
    invoice.given(issued, reserved).when(note).then_nothing()
    invoice.given(issued, noted, void).when(note).then_nothing()
    invoice.given().when(note).then_rejected(InvoiceNotFound)


@pytest.mark.requirement("BIL-05")
def test_the_return_of_its_payment_makes_an_invoice_refunded() -> None:
    refund = MarkInvoiceRefunded(payment_id=FIRST)
    refunded = InvoiceRefunded(invoice=details, payment_id=FIRST)
    invoice.given(issued, paid, noted, due).when(refund).then(refunded)
    invoice.given(issued, paid, noted, due, refunded).when(refund).then_nothing()
    invoice.given().when(refund).then_rejected(InvoiceNotFound)


def test_facts_without_an_invoice_are_no_invoice() -> None:
    assert fold(INVOICE, [void]) == INVOICE.initial

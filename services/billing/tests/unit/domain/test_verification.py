"""The checker of the whole log: silent when the money adds up, and naming what does not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from billing.domain.details import (
    CancelledBy,
    InvoiceDetails,
    InvoiceSource,
    PaymentDetails,
    RefundCause,
)
from billing.domain.invoice.events import (
    AppointmentCancellationNoted,
    AppointmentReservationNoted,
    InvoiceCancelled,
    InvoicePaid,
    InvoiceRefunded,
    PreliminaryInvoiceIssued,
    RefundDeclinedByPolicy,
    RefundDue,
    SurplusPaymentReceived,
)
from billing.domain.payment.events import AnotherAmountReported, PaymentStarted, PaymentSucceeded
from billing.domain.refund.events import RefundFailed, RefundRequested, RefundSucceeded
from billing.domain.verification import Finding, MoneyEvent, verify_money
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    InvoiceId,
    PatientId,
    PaymentId,
    RefundId,
)
from vocabulary.money import ZERO, Money
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PRICE = Money(kopecks=150_000)
INVOICE, FIRST, SECOND = InvoiceId(UUID(int=1)), PaymentId(UUID(int=2)), PaymentId(UUID(int=3))
VISIT, PATIENT, REFUND = AppointmentId(UUID(int=4)), PatientId(UUID(int=5)), RefundId(UUID(int=6))
details = InvoiceDetails(
    invoice_id=INVOICE,
    number="261121-0",
    appointment_id=VISIT,
    patient_id=PATIENT,
    branch_id=BranchId(UUID(int=7)),
    total=PRICE,
)
payment = PaymentDetails(
    payment_id=FIRST,
    invoice_id=INVOICE,
    appointment_id=VISIT,
    patient_id=PATIENT,
    amount=PRICE,
)
second = replace(payment, payment_id=SECOND)
issued = PreliminaryInvoiceIssued(
    invoice=details,
    issued_on=date(2026, 11, 21),
    source=InvoiceSource.APPOINTMENT,
    lines=(),
    pay_before=None,
)
started = PaymentStarted(
    payment=payment,
    number="261121-0",
    lines=(),
    vat_code=1,
    return_url="https://clinic.example/back",
    receipt_email=Sealed(subject=PATIENT, field="receipt_email", cipher="eA"),
    started_at=NOW,
    expires_at=NOW,
    watched_until=NOW,
)
succeeded = PaymentSucceeded(payment=payment, provider_payment_id="p-1", paid_at=NOW)
paid = InvoicePaid(invoice=details, payment_id=FIRST, paid_at=NOW)
reserved = AppointmentReservationNoted(appointment_id=VISIT)
cancelled = AppointmentCancellationNoted(
    appointment_id=VISIT,
    by=CancelledBy.PATIENT,
    reason="OTHER",
    was_reserved=True,
    lead_minutes=500,
    refund_eligible=True,
    final=True,
)
void = InvoiceCancelled(invoice=details)
due = RefundDue(payment=payment, cause=RefundCause.CANCELLED_IN_TIME)
declined = RefundDeclinedByPolicy(payment=payment, lead_minutes=1)
requested = RefundRequested(payment=payment, refund_id=REFUND, cause=due.cause)
returned = RefundSucceeded(
    payment=payment, refund_id=REFUND, cause=due.cause, provider_refund_id="r-1"
)
refund_failed = RefundFailed(
    payment=payment, refund_id=REFUND, cause=due.cause, attempt=5, reason="general_decline"
)
refunded = InvoiceRefunded(invoice=details, payment_id=FIRST)
surplus = SurplusPaymentReceived(invoice=details, payment_id=SECOND, paid_at=NOW)
visited: Sequence[MoneyEvent] = [issued, started, succeeded, paid, reserved]
gone_back: Sequence[MoneyEvent] = [cancelled, due, requested, returned, refunded]


def codes(*history: MoneyEvent) -> set[str]:
    return {
        finding.code for finding in verify_money(("north", event) for event in history).findings
    }


@pytest.mark.requirement("BIL-43", "BIL-44")
@pytest.mark.parametrize(
    ("history", "came", "went"),
    [
        ([issued], ZERO, ZERO),
        ([issued, cancelled, void], ZERO, ZERO),
        (visited, PRICE, ZERO),
        ([*visited, cancelled, declined], PRICE, ZERO),
        ([*visited, *gone_back], PRICE, PRICE),
    ],
)
def test_money_that_adds_up(history: Sequence[MoneyEvent], came: Money, went: Money) -> None:
    report = verify_money(("north", event) for event in history)
    assert report.holds
    assert (report.paid, report.refunded, report.kept) == (came, went, came - went)


def test_a_surplus_payment_that_went_back_adds_up() -> None:
    paid_again = replace(succeeded, payment=second, provider_payment_id="p-2")
    back = replace(returned, payment=second)
    due_second = replace(due, payment=second, cause=RefundCause.PAID_TWICE)
    asked = replace(requested, payment=second)
    history = [*visited, paid_again, surplus, due_second, asked, back]
    report = verify_money(("north", event) for event in history)
    assert report.holds
    assert (report.invoices, report.payments, report.kept) == (1, 2, PRICE)


@pytest.mark.requirement("BIL-44")
@pytest.mark.parametrize(
    ("history", "code"),
    [
        ([issued, started, succeeded], "MONEY_UNNOTICED"),
        ([started, succeeded], "MONEY_UNNOTICED"),
        ([issued, paid, reserved], "PAID_WITHOUT_PAYMENT"),
        ([*visited, succeeded], "PAID_TWICE_OVER"),
        ([*visited, paid], "PAID_TWICE_OVER"),
        ([*visited, *gone_back, returned], "PAID_TWICE_OVER"),
        ([*visited, *gone_back, returned], "REFUND_WITHOUT_PAYMENT"),
        ([*visited, requested], "REFUND_NOT_DUE"),
        ([*visited, returned], "REFUND_NOT_DUE"),
        ([*visited, cancelled, due], "REFUND_NOT_RETURNED"),
        ([*visited, cancelled, due, requested, refund_failed], "REFUND_NEEDS_A_PERSON"),
        ([issued, started, succeeded, paid], "MONEY_IN_NEITHER"),
        ([*visited, cancelled], "MONEY_IN_NEITHER"),
        ([*visited, due, requested, returned, refunded], "MONEY_IN_BOTH"),
        ([*visited, cancelled, due, requested, returned], "REFUND_UNRECORDED"),
    ],
)
def test_money_that_does_not_add_up_is_named(history: Sequence[MoneyEvent], code: str) -> None:
    assert code in codes(*history)


def test_a_payment_of_another_sum_is_named() -> None:
    part = replace(payment, amount=Money(kopecks=1))
    history: list[MoneyEvent] = [issued, replace(started, payment=part)]
    history += [replace(succeeded, payment=part), paid]
    assert "NOT_THE_TOTAL" in codes(*history)


@pytest.mark.requirement("BIL-10")
def test_money_of_another_sum_is_named_until_the_right_one_has_come() -> None:
    other = AnotherAmountReported(
        payment=payment, provider_payment_id="p-1", reported=Money(kopecks=1), paid_at=NOW
    )
    assert codes(issued, started, other) == {"PAID_ANOTHER_AMOUNT"}
    assert codes(issued, started, other, succeeded, paid, reserved) == set()


def test_more_returned_than_paid_keeps_nothing() -> None:
    report = verify_money([("north", event) for event in (issued, started, returned)])
    assert report.kept == ZERO
    assert not report.holds


def test_tenants_are_checked_apart() -> None:
    report = verify_money([("north", issued), ("south", started), ("south", succeeded)])
    assert report.findings == (
        Finding(code="MONEY_UNNOTICED", tenant="south", invoice_id=INVOICE, payment_id=FIRST),
    )

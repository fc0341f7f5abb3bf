"""A refund: once, in full, tried again until a person has to look."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from billing.domain.details import PaymentDetails, RefundCause
from billing.domain.policies import BillingPolicies
from billing.domain.refund.commands import (
    ConfirmRefund,
    EscalateRefund,
    FailRefund,
    RefundCommand,
    RegisterProviderRefund,
    RequestRefund,
    RetryRefund,
)
from billing.domain.refund.decider import OVERDUE, REFUND
from billing.domain.refund.errors import RefundedAnotherAmount, RefundNotFound
from billing.domain.refund.events import (
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSubmitted,
    RefundSucceeded,
    RefundTryFailed,
)
from decider import fold
from decider.testing import Specification
from vocabulary.ids import AppointmentId, InvoiceId, PatientId, PaymentId, RefundId
from vocabulary.money import Money

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
POLICIES = BillingPolicies(refund_retry_minutes=(1, 5), refund_overdue_hours=24)
details = PaymentDetails(
    payment_id=PaymentId(UUID(int=1)),
    invoice_id=InvoiceId(UUID(int=2)),
    appointment_id=AppointmentId(UUID(int=3)),
    patient_id=PatientId(UUID(int=4)),
    amount=Money(kopecks=150_000),
)
ID, CAUSE = RefundId(UUID(int=5)), RefundCause.CANCELLED_IN_TIME
request = RequestRefund(payment=details, refund_id=ID, cause=CAUSE)
requested = RefundRequested(payment=details, refund_id=ID, cause=CAUSE)
register = RegisterProviderRefund(attempt=1, provider_refund_id="r-1", policies=POLICIES, now=NOW)
submitted = RefundSubmitted(
    payment_id=details.payment_id,
    refund_id=ID,
    attempt=1,
    provider_refund_id="r-1",
    submitted_at=NOW,
    overdue_at=NOW + timedelta(hours=24),
)
confirm = ConfirmRefund(provider_refund_id="r-1", amount=details.amount)
succeeded = RefundSucceeded(payment=details, refund_id=ID, cause=CAUSE, provider_refund_id="r-1")
fail = FailRefund(attempt=1, reason="insufficient_funds", policies=POLICIES, now=NOW)
RETRY_AT = NOW + timedelta(minutes=1)
try_failed = RefundTryFailed(
    payment_id=details.payment_id,
    refund_id=ID,
    attempt=1,
    reason="insufficient_funds",
    retry_at=RETRY_AT,
)
retried = RefundRetried(payment_id=details.payment_id, refund_id=ID, attempt=2)
failed = RefundFailed(
    payment=details, refund_id=ID, cause=CAUSE, attempt=3, reason="insufficient_funds"
)
refund = Specification(REFUND)


@pytest.mark.requirement("BIL-44")
def test_a_payment_is_refunded_at_most_once() -> None:
    refund.given().when(request).then(requested)
    other = replace(request, refund_id=RefundId(UUID(int=6)), cause=RefundCause.LATE_PAYMENT)
    refund.given(requested).when(other).then_nothing()
    refund.given(requested, submitted, succeeded).when(other).then_nothing()


@pytest.mark.requirement("BIL-44")
def test_it_is_followed_until_the_provider_confirms() -> None:
    refund.given(requested).when(register).then(submitted)
    refund.given(requested, submitted).when(confirm).then(succeeded)
    refund.given(requested, submitted, succeeded).when(confirm).then_nothing()


@pytest.mark.requirement("BIL-44")
def test_it_is_tried_again_and_then_escalated() -> None:
    refund.given(requested, submitted).when(fail).then(try_failed)
    second = replace(fail, attempt=2)
    refund.given(requested, try_failed, retried).when(second).then(
        replace(try_failed, attempt=2, retry_at=NOW + timedelta(minutes=5))
    )
    third = replace(fail, attempt=3)
    refund.given(requested, replace(retried, attempt=3)).when(third).then(failed)


@pytest.mark.requirement("BIL-44")
@pytest.mark.parametrize(
    ("now", "tries"), [(RETRY_AT - MOMENT, False), (RETRY_AT, True), (RETRY_AT + MOMENT, True)]
)
def test_the_next_try_begins_after_its_pause(now: datetime, tries: bool) -> None:
    outcome = refund.given(requested, try_failed).when(RetryRefund(now=now))
    if tries:
        outcome.then(retried)
    else:
        outcome.then_nothing()


@pytest.mark.requirement("BIL-44")
def test_a_person_may_try_again_at_once() -> None:
    by_person = RetryRefund(now=NOW, by_person=True)
    refund.given(requested, try_failed).when(by_person).then(retried)
    refund.given(requested, failed).when(by_person).then(replace(retried, attempt=4))
    refund.given(requested, submitted).when(by_person).then_nothing()
    refund.given(requested, submitted, succeeded).when(by_person).then_nothing()


def test_only_a_person_takes_up_what_was_escalated() -> None:
    refund.given(requested, failed).when(RetryRefund(now=NOW + timedelta(days=9))).then_nothing()


@pytest.mark.requirement("BIL-44")
def test_money_that_went_back_after_all_ends_it() -> None:
    for history in ([requested, try_failed], [requested, failed], [requested]):
        refund.given(*history).when(confirm).then(succeeded)


@pytest.mark.requirement("BIL-44")
def test_another_sum_than_the_whole_is_for_a_person() -> None:
    part = replace(confirm, amount=Money(kopecks=1))
    refund.given(requested, submitted).when(part).then_rejected(
        RefundedAnotherAmount, expected_kopecks=150_000, reported_kopecks=1
    )


@pytest.mark.requirement("BIL-44")
@pytest.mark.parametrize(
    ("now", "escalates"),
    [
        (submitted.overdue_at - MOMENT, False),
        (submitted.overdue_at, True),
        (submitted.overdue_at + MOMENT, True),
    ],
)
def test_a_provider_that_does_not_decide_is_shown_to_a_person(
    now: datetime, escalates: bool
) -> None:
    outcome = refund.given(requested, submitted).when(EscalateRefund(attempt=1, now=now))
    if escalates:
        outcome.then(replace(failed, attempt=1, reason=OVERDUE))
    else:
        outcome.then_nothing()


def test_answers_to_an_earlier_try_change_nothing() -> None:
    for command in (register, fail, EscalateRefund(attempt=1, now=NOW + timedelta(days=2))):
        refund.given(requested, try_failed, retried).when(command).then_nothing()
        refund.given(requested, submitted, succeeded).when(command).then_nothing()
    refund.given(requested, submitted).when(register).then_nothing()
    refund.given(requested).when(EscalateRefund(attempt=1, now=NOW)).then_nothing()


@pytest.mark.parametrize("command", [register, confirm, fail, RetryRefund(now=NOW)])
def test_nothing_happens_to_what_was_never_requested(command: RefundCommand) -> None:
    refund.given().when(command).then_rejected(RefundNotFound)


def test_facts_without_a_request_are_no_refund() -> None:
    assert fold(REFUND, [retried]) == REFUND.initial

"""A payment ends once, and money that came is never denied."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from billing.domain.details import InvoiceLine, PaymentDetails
from billing.domain.payment.commands import (
    CancelPayment,
    ConfirmPayment,
    ExpirePayment,
    FailPayment,
    PaymentCommand,
    RegisterProviderPayment,
    StartPayment,
)
from billing.domain.payment.decider import PAYMENT
from billing.domain.payment.errors import (
    PaymentNotFound,
    ProviderPaymentDiffers,
)
from billing.domain.payment.events import (
    AnotherAmountReported,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    PaymentFailed,
    PaymentRedirectIssued,
    PaymentStarted,
    PaymentSucceeded,
)
from decider import fold
from decider.testing import Specification
from vocabulary.ids import AppointmentId, InvoiceId, PatientId, PaymentId, ServiceId
from vocabulary.money import Money
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(minutes=15)
MOMENT = timedelta(microseconds=1)
details = PaymentDetails(
    payment_id=PaymentId(UUID(int=1)),
    invoice_id=InvoiceId(UUID(int=2)),
    appointment_id=AppointmentId(UUID(int=3)),
    patient_id=PatientId(UUID(int=4)),
    amount=Money(kopecks=150_000),
)
line = InvoiceLine(
    service_id=ServiceId(UUID(int=5)), code="A", name="Приём", price=Money(kopecks=150_000)
)
start = StartPayment(
    payment=details,
    number="261121-0",
    lines=(line,),
    vat_code=1,
    return_url="https://clinic.example/back",
    receipt_email=Sealed(subject=details.patient_id, field="receipt_email", cipher="eA"),
    started_at=NOW,
    expires_at=EXPIRES,
    watched_until=EXPIRES + timedelta(hours=1),
)
started = PaymentStarted(
    payment=details,
    number="261121-0",
    lines=(line,),
    vat_code=1,
    return_url="https://clinic.example/back",
    receipt_email=start.receipt_email,
    started_at=NOW,
    expires_at=EXPIRES,
    watched_until=EXPIRES + timedelta(hours=1),
)
register = RegisterProviderPayment(
    provider_payment_id="p-1", confirmation_url="https://acquirer.example/pay/p-1"
)
redirected = PaymentRedirectIssued(
    payment=details,
    provider_payment_id="p-1",
    confirmation_url="https://acquirer.example/pay/p-1",
)
confirm = ConfirmPayment(provider_payment_id="p-1", amount=details.amount, paid_at=NOW)
succeeded = PaymentSucceeded(payment=details, provider_payment_id="p-1", paid_at=NOW)
fail = FailPayment(reason="insufficient_funds")
failed = PaymentFailed(payment=details, reason="insufficient_funds")
cancelled = PaymentCancelled(payment=details, reason="canceled_by_merchant")
expire = ExpirePayment(now=EXPIRES)
expired = PaymentExpired(payment=details, expired_at=EXPIRES)
ENDINGS: list[PaymentEvent] = [failed, cancelled, expired]
payment = Specification(PAYMENT)


@pytest.mark.requirement("BIL-12")
def test_a_payment_starts_and_waits_on_the_provider_s_page() -> None:
    payment.given().when(start).then(started)
    payment.given(started).when(register).then(redirected)
    payment.given(started, redirected).when(start).then_nothing()


@pytest.mark.requirement("BIL-12", "BIL-16")
def test_the_provider_s_word_makes_it_succeed() -> None:
    payment.given(started, redirected).when(confirm).then(succeeded)
    payment.given(started).when(confirm).then(succeeded)


@pytest.mark.requirement("BIL-12")
def test_it_may_fail_or_be_called_off() -> None:
    payment.given(started, redirected).when(fail).then(failed)
    payment.given(started).when(fail).then(failed)
    payment.given(started, redirected).when(CancelPayment(reason="canceled_by_merchant")).then(
        cancelled
    )


@pytest.mark.requirement("BIL-16")
@pytest.mark.parametrize(
    "late", [fail, CancelPayment(reason="x"), replace(expire, closed_by_provider=True), register]
)
def test_nothing_takes_a_success_back(late: PaymentCommand) -> None:
    payment.given(started, redirected, succeeded).when(late).then_nothing()


@pytest.mark.requirement("BIL-16")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "again", [fail, CancelPayment(reason="x"), replace(expire, closed_by_provider=True), register]
)
def test_an_ended_payment_does_not_end_again(ending: PaymentEvent, again: PaymentCommand) -> None:
    payment.given(started, redirected, ending).when(again).then_nothing()


@pytest.mark.requirement("BIL-16", "BIL-17")
@pytest.mark.parametrize("ending", ENDINGS)
def test_money_that_came_late_is_money(ending: PaymentEvent) -> None:
    payment.given(started, redirected, ending).when(confirm).then(succeeded)


@pytest.mark.requirement("BIL-17")
@pytest.mark.parametrize(
    ("now", "expires"), [(EXPIRES - MOMENT, False), (EXPIRES, True), (EXPIRES + MOMENT, True)]
)
def test_it_expires_when_its_time_is_up(now: datetime, expires: bool) -> None:
    outcome = payment.given(started, redirected).when(ExpirePayment(now=now))
    if expires:
        outcome.then(replace(expired, expired_at=now))
    else:
        outcome.then_nothing()


def test_the_provider_may_close_its_page_earlier() -> None:
    payment.given(started).when(ExpirePayment(now=NOW, closed_by_provider=True)).then(
        replace(expired, expired_at=NOW)
    )


@pytest.mark.requirement("BIL-10")
@pytest.mark.parametrize("before", [(started,), (started, redirected), (started, expired)])
def test_another_sum_than_the_total_is_kept_for_a_person(
    before: tuple[PaymentEvent, ...],
) -> None:
    part = replace(confirm, amount=Money(kopecks=1))
    reported = AnotherAmountReported(
        payment=succeeded.payment,
        provider_payment_id=confirm.provider_payment_id,
        reported=Money(kopecks=1),
        paid_at=confirm.paid_at,
    )
    payment.given(*before).when(part).then(reported)
    payment.given(*before, reported).when(part).then_nothing()
    more = replace(part, amount=Money(kopecks=2))
    payment.given(*before, reported).when(more).then(replace(reported, reported=more.amount))
    payment.given(*before, reported).when(confirm).then(succeeded)


@pytest.mark.requirement("BIL-10")
def test_another_sum_is_remembered_beside_what_else_happens() -> None:
    part = replace(confirm, amount=Money(kopecks=1))
    reported = AnotherAmountReported(
        payment=succeeded.payment,
        provider_payment_id=confirm.provider_payment_id,
        reported=Money(kopecks=1),
        paid_at=confirm.paid_at,
    )
    payment.given(started, reported, redirected).when(part).then_nothing()
    payment.given(started, reported, redirected, expired).when(part).then_nothing()


def test_a_second_payment_of_the_provider_under_one_id_is_for_a_person() -> None:
    payment.given(started, succeeded).when(
        replace(confirm, provider_payment_id="p-2")
    ).then_rejected(ProviderPaymentDiffers)
    payment.given(started, redirected).when(
        replace(register, provider_payment_id="p-2")
    ).then_rejected(ProviderPaymentDiffers)


@pytest.mark.parametrize("command", [register, confirm, fail, expire])
def test_nothing_happens_to_what_was_never_started(command: PaymentCommand) -> None:
    payment.given().when(command).then_rejected(PaymentNotFound)


def test_a_redirect_of_what_has_ended_changes_nothing() -> None:
    ended: list[PaymentEvent] = [started, failed]
    assert fold(PAYMENT, [*ended, redirected]) == fold(PAYMENT, ended)

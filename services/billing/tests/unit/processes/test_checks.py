"""Every answer of a provider, taken over into the payment or the refund that it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from billing.application import Billing
from billing.application.checks import CheckPayment, CheckRefund
from billing.application.ports import (
    Hint,
    Judgement,
    PaymentOrder,
    ProviderPayment,
    ProviderRefund,
    RefundOrder,
    Refused,
)
from billing.bootstrap import build_billing
from billing.domain.details import InvoiceLine, PaymentDetails, RefundCause
from billing.domain.payment import state as payment
from billing.domain.payment.commands import StartPayment
from billing.domain.payment.errors import PaymentNotFound
from billing.domain.policies import BillingPolicies
from billing.domain.refund import state as refund
from billing.domain.refund.commands import RequestRefund
from billing.domain.refund.errors import RefundNotFound
from event_store import CommandContext, Metadata
from event_store.memory import MemoryEventStore
from policies import PolicyBook
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from vocabulary.ids import (
    AppointmentId,
    InvoiceId,
    PatientId,
    PaymentId,
    RefundId,
    ServiceId,
)
from vocabulary.money import Money
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PRICE = Money(kopecks=150_000)
DETAILS = PaymentDetails(
    payment_id=PaymentId(UUID(int=1)),
    invoice_id=InvoiceId(UUID(int=2)),
    appointment_id=AppointmentId(UUID(int=3)),
    patient_id=PatientId(UUID(int=4)),
    amount=PRICE,
)
KEY = DETAILS.payment_id


class Scripted:
    """A provider that says what it is told to say."""

    def __init__(self) -> None:
        self.now: ProviderPayment | None = None
        self.answer: ProviderRefund | Refused = Refused(reason="unset")
        self.refunds: list[ProviderRefund] = []
        self.asked: list[str] = []

    def serves(self, tenant: str) -> bool:
        return tenant == "north"

    async def ask(self, tenant: str, order: PaymentOrder) -> ProviderPayment | Refused:
        raise AssertionError(f"{tenant} asked for {order}")

    async def payment(self, tenant: str, provider_payment_id: str) -> ProviderPayment | None:
        return self.now

    async def give_back(self, tenant: str, order: RefundOrder) -> ProviderRefund | Refused:
        self.asked.append(order.key)
        return self.answer

    async def refunds_of(self, tenant: str, provider_payment_id: str) -> Sequence[ProviderRefund]:
        return self.refunds

    def read_hint(self, body: bytes) -> Hint | None:
        return None


def told(judgement: Judgement, **more: Any) -> ProviderPayment:
    return ProviderPayment(
        provider_payment_id="p-1", judgement=judgement, amount=PRICE, payment_id=KEY, **more
    )


def refunded(judgement: Judgement, name: str = "r-1", **more: Any) -> ProviderRefund:
    facts = {"amount": PRICE} | more
    return ProviderRefund(
        provider_refund_id=name, provider_payment_id="p-1", judgement=judgement, **facts
    )


def at(now: datetime, step: int = 1) -> CommandContext:
    metadata = Metadata(
        tenant="north", actor="service:billing", role="service", time=now, correlation=UUID(int=9)
    )
    return CommandContext(command_id=UUID(int=1000 + step), metadata=metadata)


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
async def billing(provider: Scripted) -> Billing:
    """With a payment whose payer is on the provider's page."""
    store = MemoryEventStore()
    policies = PolicyBook(store, BillingPolicies, service="billing")
    made = build_billing(store, provider, Sealers(MemoryKeyring()), policies)
    start = StartPayment(
        payment=DETAILS,
        number="1",
        lines=(InvoiceLine(service_id=ServiceId(UUID(int=5)), code="A", name="A", price=PRICE),),
        vat_code=1,
        return_url="https://clinic.example",
        receipt_email=Sealed(subject=DETAILS.patient_id, field="receipt_email", cipher="eA"),
        started_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        watched_until=NOW + timedelta(minutes=75),
    )
    await made.payments.handle(start, key=KEY, context=at(NOW, 0))
    pending = told(Judgement.PENDING, confirmation_url="https://acquirer.example/p-1")
    await made.payment_checks.settle(pending, key=KEY, context=at(NOW, 1))
    return made


async def check(billing: Billing, now: datetime = NOW, step: int = 2) -> payment.Payment:
    return await billing.payment_checks.handle(
        CheckPayment(now=now), key=KEY, context=at(now, step)
    )


async def check_refund(billing: Billing, step: int = 10) -> refund.Refund:
    return await billing.refund_checks.handle(CheckRefund(now=NOW), key=KEY, context=at(NOW, step))


@pytest.mark.requirement("BIL-12")
@pytest.mark.parametrize(
    ("judgement", "outcome"),
    [
        (Judgement.REFUSED, payment.Outcome.FAILED),
        (Judgement.CALLED_OFF, payment.Outcome.CANCELLED),
        (Judgement.TIMED_OUT, payment.Outcome.EXPIRED),
    ],
)
async def test_each_bad_end_has_its_state(
    billing: Billing, provider: Scripted, judgement: Judgement, outcome: payment.Outcome
) -> None:
    provider.now = told(judgement)
    state = await check(billing)
    assert isinstance(state, payment.Closed)
    assert state.outcome is outcome


@pytest.mark.requirement("BIL-17")
async def test_what_is_undecided_waits_for_its_time(billing: Billing, provider: Scripted) -> None:
    provider.now = told(Judgement.PENDING)
    assert isinstance(await check(billing), payment.Open)
    late = await check(billing, NOW + timedelta(minutes=15), 3)
    assert isinstance(late, payment.Closed)


async def test_a_payment_that_the_provider_forgot_expires_too(billing: Billing) -> None:
    assert isinstance(await check(billing), payment.Open)
    assert isinstance(await check(billing, NOW + timedelta(minutes=15), 3), payment.Closed)


async def test_what_was_never_begun_is_not_looked_for(billing: Billing) -> None:
    with pytest.raises(PaymentNotFound):
        await billing.payment_checks.handle(
            CheckPayment(now=NOW), key=UUID(int=77), context=at(NOW)
        )
    with pytest.raises(RefundNotFound):
        await check_refund(billing)


async def request_refund(billing: Billing) -> None:
    request = RequestRefund(
        payment=DETAILS, refund_id=RefundId(UUID(int=6)), cause=RefundCause.LATE_PAYMENT
    )
    await billing.refunds.handle(request, key=KEY, context=at(NOW, 5))


async def test_money_that_never_came_does_not_go_back(billing: Billing) -> None:
    await request_refund(billing)
    with pytest.raises(PaymentNotFound):
        await check_refund(billing)


@pytest.fixture
async def owing(billing: Billing, provider: Scripted) -> Billing:
    """With a paid payment that is to go back."""
    provider.now = told(Judgement.DONE)
    await check(billing)
    await request_refund(billing)
    return billing


@pytest.mark.requirement("BIL-44")
async def test_a_pending_refund_is_followed_and_not_repeated(
    owing: Billing, provider: Scripted
) -> None:
    provider.answer = refunded(Judgement.PENDING)
    state = await check_refund(owing)
    assert isinstance(state, refund.Trying)
    assert state.provider_refund_id == "r-1"
    provider.refunds = [refunded(Judgement.PENDING)]
    assert await check_refund(owing, 11) == state
    provider.refunds = [refunded(Judgement.DONE)]
    assert isinstance(await check_refund(owing, 12), refund.Succeeded)
    assert isinstance(await check_refund(owing, 13), refund.Succeeded)
    assert provider.asked == [str(UUID(int=6))]


@pytest.mark.requirement("BIL-44")
async def test_a_refund_that_another_hand_has_begun_is_taken_over(
    owing: Billing, provider: Scripted
) -> None:
    provider.refunds = [refunded(Judgement.PENDING, "by-hand")]
    state = await check_refund(owing)
    assert isinstance(state, refund.Trying)
    assert state.provider_refund_id == "by-hand"
    assert provider.asked == []


@pytest.mark.requirement("BIL-44")
async def test_a_refusal_comes_at_once_or_later(owing: Billing, provider: Scripted) -> None:
    provider.answer = refunded(Judgement.PENDING)
    await check_refund(owing)
    provider.refunds = [refunded(Judgement.REFUSED, reason="rejected_by_payee")]
    state = await check_refund(owing, 11)
    assert isinstance(state, refund.Waiting)
    # Between two tries only money that went back after all counts.
    assert await check_refund(owing, 12) == state
    provider.refunds = [refunded(Judgement.DONE)]
    assert isinstance(await check_refund(owing, 13), refund.Succeeded)


@pytest.mark.requirement("BIL-44")
@pytest.mark.parametrize(
    "answer", [Refused(reason="forbidden"), refunded(Judgement.REFUSED, reason="forbidden")]
)
async def test_a_refused_try_waits_for_the_next(
    owing: Billing, provider: Scripted, answer: ProviderRefund | Refused
) -> None:
    provider.answer = answer
    assert isinstance(await check_refund(owing), refund.Waiting)


@pytest.mark.requirement("BIL-44")
async def test_a_part_that_went_back_is_not_the_whole(owing: Billing, provider: Scripted) -> None:
    provider.refunds = [refunded(Judgement.DONE, amount=Money(kopecks=1))]
    provider.answer = Refused(reason="invalid_request")
    assert isinstance(await check_refund(owing), refund.Waiting)

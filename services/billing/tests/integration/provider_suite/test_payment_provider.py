"""What every payment provider keeps: the suite of the port, over real HTTP, against the provider's sandbox twin.

An adapter that is new joins as one more `Counter` in the list of `COUNTERS`.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from billing.application.ports import (
    Judgement,
    PaymentOrder,
    PaymentProvider,
    ProviderPayment,
    ProviderRefund,
    RefundOrder,
    Refused,
)
from billing.domain.details import InvoiceLine
from service_kit.errors import Unavailable
from vocabulary.ids import PaymentId, ServiceId
from vocabulary.money import Money

pytestmark = pytest.mark.integration
PRICE = Money(kopecks=150_000)
ORDER = PaymentOrder(
    payment_id=PaymentId(UUID(int=1)),
    invoice_id=UUID(int=2),
    correlation=UUID(int=3),
    amount=PRICE,
    number="261121-0",
    lines=(
        InvoiceLine(service_id=ServiceId(UUID(int=4)), code="A", name="Очень " * 50, price=PRICE),
    ),
    vat_code=1,
    return_url="https://clinic.example/back",
    receipt_email="anna@example.org",
)


class Counter:
    """A provider together with the hands of its payer and of its operator."""

    def __init__(self, provider: PaymentProvider, till: Any) -> None:
        self.provider, self.till = provider, till

    async def ask(self, **changes: Any) -> ProviderPayment:
        answer = await self.provider.ask("north", replace(ORDER, **changes))
        assert isinstance(answer, ProviderPayment)
        return answer

    async def paid(self) -> ProviderPayment:
        asked = await self.ask()
        (await self.till.press_pay(asked.provider_payment_id)).raise_for_status()
        return asked

    async def give_back(self, asked: ProviderPayment, key: str = "r") -> ProviderRefund | Refused:
        order = RefundOrder(
            key=key,
            provider_payment_id=asked.provider_payment_id,
            amount=PRICE,
            description="LATE_PAYMENT",
        )
        return await self.provider.give_back("north", order)

    async def judged(self, asked: ProviderPayment) -> Judgement:
        found = await self.provider.payment("north", asked.provider_payment_id)
        assert found is not None
        return found.judgement


COUNTERS = ["yookassa"]


@pytest.fixture(params=COUNTERS)
async def counter(provider: PaymentProvider, acquirer: Any) -> Counter:
    return Counter(provider, acquirer.north)


async def test_a_payment_waits_for_its_payer(counter: Counter) -> None:
    asked = await counter.ask()
    assert asked.judgement is Judgement.PENDING
    assert asked.amount == PRICE
    assert asked.payment_id == ORDER.payment_id
    assert asked.correlation == ORDER.correlation
    assert asked.confirmation_url is not None


async def test_the_same_payment_is_made_once(counter: Counter) -> None:
    assert await counter.ask() == await counter.ask()


@pytest.mark.requirement("BIL-16")
async def test_money_is_there_when_the_provider_says_so(counter: Counter) -> None:
    asked = await counter.paid()
    found = await counter.provider.payment("north", asked.provider_payment_id)
    assert found is not None
    assert (found.judgement, found.amount) == (Judgement.DONE, PRICE)
    assert found.paid_at is not None


async def test_a_refusal_has_its_reason(counter: Counter) -> None:
    asked = await counter.ask()
    await counter.till.press_decline(asked.provider_payment_id, "card_expired")
    found = await counter.provider.payment("north", asked.provider_payment_id)
    assert found is not None
    assert (found.judgement, found.reason) == (Judgement.REFUSED, "card_expired")


async def test_a_page_that_nobody_used_closes(counter: Counter, clock: Any) -> None:
    asked = await counter.ask()
    clock.set(clock.now().replace(hour=clock.now().hour + 1))
    assert await counter.judged(asked) is Judgement.TIMED_OUT


async def test_what_a_tenant_does_not_have_is_not_there(counter: Counter) -> None:
    asked = await counter.ask()
    assert await counter.provider.payment("south", asked.provider_payment_id) is None
    assert await counter.provider.payment("north", "nothing") is None


async def test_what_the_provider_will_never_do_is_refused(counter: Counter) -> None:
    answer = await counter.provider.ask("north", replace(ORDER, amount=Money(kopecks=1)))
    assert answer == Refused(reason="invalid_request")


async def test_only_tenants_with_a_profile_are_served(counter: Counter) -> None:
    assert counter.provider.serves("north")
    assert not counter.provider.serves("west")
    with pytest.raises(Unavailable):
        await counter.provider.ask("west", ORDER)


@pytest.mark.parametrize("trouble", [{"down": True}, {"too_many_requests": 2}])
async def test_trouble_that_passes_is_unavailable(
    counter: Counter, trouble: dict[str, Any]
) -> None:
    await counter.till.behave(**trouble)
    with pytest.raises(Unavailable):
        await counter.ask()
    await counter.till.behave()
    assert (await counter.ask()).judgement is Judgement.PENDING


async def test_after_an_unknown_outcome_the_same_key_finds_the_same_payment(
    counter: Counter,
) -> None:
    await counter.till.behave(fail_after_commit=2)
    with pytest.raises(Unavailable):
        await counter.ask()
    first = await counter.ask()
    assert await counter.ask() == first


@pytest.mark.requirement("BIL-44")
async def test_money_goes_back_once_under_one_key(counter: Counter) -> None:
    asked = await counter.paid()
    first = await counter.give_back(asked)
    assert isinstance(first, ProviderRefund)
    assert (first.judgement, first.amount) == (Judgement.DONE, PRICE)
    assert await counter.give_back(asked) == first
    assert await counter.give_back(asked, "other") == Refused(reason="invalid_request")
    assert await counter.provider.refunds_of("north", asked.provider_payment_id) == [first]


@pytest.mark.requirement("BIL-44")
async def test_a_refused_refund_can_be_made_under_another_key(counter: Counter) -> None:
    asked = await counter.paid()
    await counter.till.behave(fail_refunds=1)
    refused = await counter.give_back(asked)
    assert isinstance(refused, ProviderRefund)
    assert (refused.judgement, refused.reason) == (Judgement.REFUSED, "insufficient_funds")
    assert await counter.give_back(asked) == refused
    second = await counter.give_back(asked, "r-2")
    assert isinstance(second, ProviderRefund)
    assert second.judgement is Judgement.DONE


async def test_a_refund_may_take_its_time(counter: Counter, clock: Any) -> None:
    asked = await counter.paid()
    await counter.till.behave(refund_decision_seconds=60)
    first = await counter.give_back(asked)
    assert isinstance(first, ProviderRefund)
    assert first.judgement is Judgement.PENDING
    clock.set(clock.now().replace(minute=clock.now().minute + 2))
    (found,) = await counter.provider.refunds_of("north", asked.provider_payment_id)
    assert found == replace(first, judgement=Judgement.DONE)


async def test_a_notification_names_its_payment(counter: Counter, acquirer: Any) -> None:
    asked = await counter.paid()
    await counter.give_back(asked)
    await acquirer.notifier.deliver_due()
    hints = [counter.provider.read_hint(body) for body in acquirer.callbacks.bodies]
    assert {hint.provider_payment_id for hint in hints if hint} == {asked.provider_payment_id}
    assert len(hints) == 2

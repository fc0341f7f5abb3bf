"""Notifications that lie, repeat or get lost, and money that comes too late: none of it vanishes (BKG-30)."""

from typing import Any
from uuid import UUID, uuid5

import pytest

from billing.application.ports import Judgement, ProviderPayment
from contracts.billing import (
    InvoicePaid,
    InvoiceRefunded,
    PaymentExpired,
    PaymentFailed,
    RefundRequested,
    RefundSucceeded,
)
from event_store import CommandContext, Metadata
from vocabulary.money import Money


async def begun(world: Any, **more: Any) -> tuple[Any, Any]:
    """An appointment whose payer is on the provider's page."""
    appointment_id = await world.requested(**more)
    invoice = await world.invoice(appointment_id)
    return appointment_id, await world.pay(invoice["invoice_id"])


@pytest.mark.requirement("BIL-16")
async def test_notifications_in_the_wrong_order_change_nothing(world: Any) -> None:
    await world.acquirer.north.behave(reorder_window_seconds=60)
    appointment_id, answer = await begun(world)
    await world.press_pay(answer)
    await world.pass_time(seconds=10)
    await world.reserve(appointment_id)
    await world.cancel(appointment_id)
    before = await world.stored()
    assert len(world.facts(RefundSucceeded)) == 1
    world.clock.set(world.clock.now() + world.minutes(1))
    await world.notified()
    sent = await world.acquirer.north.client.get("/sandbox/notifications")
    assert [item["event"] for item in sent.json()["items"]] == [
        "refund.succeeded",
        "payment.succeeded",
    ]
    assert {item["status"] for item in sent.json()["items"]} == {"delivered"}
    assert await world.stored() == before


@pytest.mark.requirement("BIL-16", "BIL-17")
async def test_a_notification_that_comes_after_the_expiry_is_still_money(world: Any) -> None:
    await world.acquirer.north.behave(notification_delay_seconds=1200)
    _, answer = await begun(world)
    world.clock.set(world.clock.now() + world.minutes(14))
    await world.press_pay(answer)
    await world.expire(answer)
    assert world.facts(InvoicePaid) == []
    world.clock.set(world.clock.now() + world.minutes(20))
    await world.notified()
    assert len(world.facts(InvoicePaid)) == 1


@pytest.mark.requirement("BIL-10")
async def test_money_of_another_sum_is_found_by_the_checker(world: Any) -> None:
    _, answer = await begun(world)
    payment_id = UUID(answer.json()["payment_id"])
    (asked,) = await world.acquirer.payments()
    other = ProviderPayment(
        provider_payment_id=asked["id"], judgement=Judgement.DONE, amount=Money(kopecks=100_000)
    )
    about = Metadata(
        tenant="north",
        actor="service:billing",
        role="service",
        time=world.clock.now(),
        correlation=payment_id,
    )
    for number in range(2):
        context = CommandContext(command_id=uuid5(payment_id, str(number)), metadata=about)
        await world.billing.payment_checks.settle(other, key=payment_id, context=context)
    await world.settle()
    (found,) = (await world.money()).findings
    assert (found.code, found.payment_id) == ("PAID_ANOTHER_AMOUNT", payment_id)
    assert not (await world.payment(answer))["paid"]
    await world.press_pay(answer)
    await world.notified()
    assert len(world.facts(InvoicePaid)) == 1
    assert "PAID_ANOTHER_AMOUNT" not in [each.code for each in (await world.money()).findings]


@pytest.mark.requirement("BIL-16")
async def test_repeated_notifications_change_nothing(world: Any) -> None:
    await world.acquirer.north.behave(repeat_notifications=3)
    _, answer = await begun(world)
    await world.press_pay(answer)
    assert len(world.facts(InvoicePaid)) == 1


@pytest.mark.requirement("BIL-15", "BIL-16")
async def test_a_forged_notification_is_believed_nothing(world: Any) -> None:
    _, answer = await begun(world)
    page = answer.json()["confirmation_url"].rpartition("/")[2]
    await world.acquirer.north.client.post("/sandbox/forgeries", json={"payment_id": page})
    await world.notified()
    assert world.facts(InvoicePaid) == []
    assert (await world.payment(answer))["status"] == "PENDING"


@pytest.mark.requirement("BIL-16")
async def test_a_refusal_that_is_told_after_the_success_changes_nothing(world: Any) -> None:
    _, answer = await begun(world)
    await world.press_pay(answer)
    before = await world.stored()
    page = answer.json()["confirmation_url"].rpartition("/")[2]
    told = await world.client.post(
        "/api/v1/callbacks/yookassa/north",
        json={"type": "notification", "event": "payment.canceled", "object": {"id": page}},
    )
    assert told.status_code == 200
    assert await world.stored() == before
    assert world.facts(PaymentFailed) == []


@pytest.mark.requirement("BIL-17")
async def test_without_a_notification_the_provider_is_polled(world: Any) -> None:
    await world.acquirer.north.behave(lose_notifications=100)
    _, answer = await begun(world)
    await world.pass_time(seconds=30)
    assert world.facts(InvoicePaid) == []
    await world.press_pay(answer)
    await world.pass_time(seconds=39)
    assert world.facts(InvoicePaid) == []
    await world.pass_time(seconds=1)
    assert len(world.facts(InvoicePaid)) == 1


@pytest.mark.requirement("BIL-12", "BIL-17")
async def test_a_payment_expires_when_the_hold_ends(world: Any) -> None:
    _, answer = await begun(world)
    await world.pass_time(minutes=14, seconds=59)
    assert (await world.payment(answer))["status"] == "PENDING"
    await world.pass_time(seconds=1)
    assert (await world.payment(answer))["status"] == "EXPIRED"
    assert len(world.facts(PaymentExpired)) == 1


async def test_after_the_hold_nothing_can_be_paid(world: Any) -> None:
    appointment_id = await world.requested()
    await world.pass_time(minutes=15)
    invoice = await world.invoice(appointment_id)
    assert not invoice["payable"]
    answer = await world.pay(invoice["invoice_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "HOLD_ENDED")
    assert answer.json()["facts"]["pay_before"] == "2026-11-21T09:15:00Z"


@pytest.mark.requirement("BIL-17", "BIL-43")
async def test_late_money_of_a_lost_slot_goes_back(world: Any) -> None:
    await world.acquirer.north.behave(lose_notifications=100)
    appointment_id, answer = await begun(world)
    await world.pass_time(minutes=15)
    await world.lapse(appointment_id)
    assert (await world.invoice(appointment_id))["status"] == "CANCELLED"
    await world.press_pay(answer)
    await world.pass_time(minutes=2)
    assert (await world.invoice(appointment_id))["status"] == "PAID"
    assert len(world.facts(InvoicePaid)) == 1
    assert world.facts(RefundRequested) == []
    await world.refuse_late_payment(appointment_id)
    (refunded,) = world.facts(RefundSucceeded)
    assert refunded.cause == "LATE_PAYMENT"
    assert (await world.invoice(appointment_id))["status"] == "REFUNDED"
    assert (await world.payment(answer))["status"] == "REFUNDED"
    report = await world.money()
    assert report.holds
    assert report.kept.kopecks == 0


@pytest.mark.requirement("BIL-17")
async def test_late_money_of_a_free_slot_takes_it_again(world: Any) -> None:
    appointment_id, answer = await begun(world)
    await world.pass_time(minutes=15)
    await world.lapse(appointment_id)
    await world.press_pay(answer)
    await world.reserve(appointment_id)
    assert world.facts(RefundRequested) == []
    assert (await world.money()).holds


async def test_a_hold_that_lapses_while_the_money_is_on_its_way_is_refunded_once_or_never(
    world: Any,
) -> None:
    appointment_id, answer = await begun(world)
    await world.press_pay(answer)
    await world.lapse(appointment_id)
    assert world.facts(RefundRequested) == []
    await world.refuse_late_payment(appointment_id)
    await world.refuse_late_payment(appointment_id)
    assert len(world.facts(RefundSucceeded)) == len(await world.acquirer.refunds()) == 1
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-43")
async def test_money_for_a_cancelled_appointment_goes_back_by_itself(world: Any) -> None:
    appointment_id, answer = await begun(world)
    await world.cancel(appointment_id, was_reserved=False)
    await world.press_pay(answer)
    await world.refuse_late_payment(appointment_id)
    assert len(world.facts(InvoicePaid)) == len(world.facts(InvoiceRefunded)) == 1
    assert len(await world.acquirer.refunds()) == 1
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-44")
async def test_an_invoice_that_was_paid_twice_gives_one_payment_back(world: Any) -> None:
    await world.acquirer.north.behave(lose_notifications=100)
    appointment_id, first = await begun(
        world, hold_minutes=None, payment_mode="BOOK_THEN_PAY_TO_ENTER"
    )
    await world.reserve(appointment_id, status="UNPAID", payment_mode="BOOK_THEN_PAY_TO_ENTER")
    await world.set_policy("payment_minutes", 5)
    await world.pass_time(minutes=1)
    invoice = await world.invoice(appointment_id)
    # The first try is given up here while its page is still open there.
    await world.expire(first)
    second = await world.pay(invoice["invoice_id"])
    assert second.json()["payment_id"] != first.json()["payment_id"]
    await world.press_pay(second)
    await world.pass_time(minutes=1)
    await world.press_pay(first)
    await world.pass_time(minutes=10)
    (refunded,) = world.facts(RefundSucceeded)
    assert str(refunded.payment_id) == first.json()["payment_id"]
    assert refunded.cause == "PAID_TWICE"
    assert (await world.invoice(appointment_id))["status"] == "PAID"
    assert (await world.money()).holds


async def test_a_provider_that_is_down_is_asked_again_until_it_answers(world: Any) -> None:
    await world.acquirer.north.behave(down=True)
    invoice = await world.invoice(await world.requested())
    world.app.state.redirect_wait_seconds = 0.3
    answer = await world.pay(invoice["invoice_id"])
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["confirmation_url"]) == ("CREATED", None)
    await world.acquirer.north.behave()
    await world.until_redirected(answer)
    assert len(await world.acquirer.payments()) == 1


async def test_an_answer_that_was_lost_after_the_payment_was_made_makes_no_second(
    world: Any,
) -> None:
    await world.acquirer.north.behave(fail_after_commit=1)
    _, answer = await begun(world)
    assert answer.json()["status"] == "PENDING"
    assert len(await world.acquirer.payments()) == 1


async def test_a_payment_that_the_provider_never_took_expires(world: Any) -> None:
    await world.acquirer.north.behave(down=True)
    invoice = await world.invoice(await world.requested())
    world.app.state.redirect_wait_seconds = 0.05
    answer = await world.pay(invoice["invoice_id"])
    await world.pass_time(minutes=15)
    await world.acquirer.north.behave()
    assert (await world.payment(answer))["status"] == "EXPIRED"
    await world.settle()
    assert await world.acquirer.payments() == []


async def test_a_payment_that_the_provider_refuses_to_make_has_failed(world: Any) -> None:
    await world.sell(price=35_000_000)
    await world.sell(price=50)
    invoice = await world.invoice(await world.requested())
    answer = await world.pay(invoice["invoice_id"])
    assert answer.json()["status"] == "FAILED"
    assert (await world.payment(answer))["reason"] == "invalid_request"
    assert (await world.invoice(invoice["appointment_id"]))["payment_id"] is None


@pytest.mark.requirement("BIL-04")
async def test_a_price_that_is_withdrawn_meanwhile_changes_nothing_for_who_has_paid(
    world: Any,
) -> None:
    appointment_id, answer = await begun(world)
    await world.press_pay(answer)
    await world.withdraw()
    await world.reserve(appointment_id)
    assert (await world.money()).findings == ()


@pytest.mark.requirement("BIL-04", "BIL-45")
async def test_what_is_withdrawn_just_before_it_is_booked_has_its_invoice_and_can_be_paid(
    world: Any,
) -> None:
    mode = {"payment_mode": "BOOK_THEN_PAY_TO_ENTER"}
    await world.withdraw()
    appointment_id, answer = await begun(world, hold_minutes=None, **mode)
    await world.reserve(appointment_id, status="UNPAID", **mode)
    await world.press_pay(answer)
    (paid,) = world.facts(InvoicePaid)
    assert (paid.appointment_id, paid.total_kopecks) == (appointment_id, 150_000)
    assert (await world.money()).findings == ()


@pytest.mark.requirement("BIL-43")
async def test_money_that_booking_heard_of_after_a_late_cancellation_goes_back(world: Any) -> None:
    mode = {"payment_mode": "BOOK_THEN_PAY_TO_ENTER"}
    appointment_id, answer = await begun(world, hold_minutes=None, **mode)
    await world.reserve(appointment_id, status="UNPAID", **mode)
    await world.press_pay(answer)
    await world.cancel(appointment_id, lead_minutes=10, refund_eligible=False)
    assert world.facts(RefundRequested) == []
    await world.refuse_late_payment(appointment_id)
    (refunded,) = world.facts(RefundSucceeded)
    assert refunded.cause == "LATE_PAYMENT"
    assert (await world.invoice(appointment_id))["status"] == "REFUNDED"
    assert (await world.money()).findings == ()

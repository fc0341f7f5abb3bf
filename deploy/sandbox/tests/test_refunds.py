"""Money goes back once, and never more than came in."""

import asyncio
from datetime import timedelta

from sandbox.testing import MovableClock, Till, rubles


async def refunded(till: Till, payment_id: str) -> object:
    return (await till.get(f"/payments/{payment_id}")).json()["refunded_amount"]


async def test_a_refund_succeeds_and_shows_on_the_payment(till: Till) -> None:
    payment_id = await till.create_paid("1500.00")
    answer = await till.refund(payment_id, "500.00", description="Отмена")
    refund = answer.json()
    assert (refund["status"], refund["amount"]) == ("succeeded", rubles("500.00"))
    assert (await till.get(f"/refunds/{refund['id']}")).json() == refund
    assert await refunded(till, payment_id) == rubles("500.00")
    listed = (await till.get("/refunds", payment_id=payment_id)).json()["items"]
    assert [one["id"] for one in listed] == [refund["id"]]


async def test_more_than_the_rest_is_refused(till: Till) -> None:
    payment_id = await till.create_paid("1500.00")
    await till.refund(payment_id, "1000.00")
    answer = await till.refund(payment_id, "500.01")
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "amount.value"
    assert (await till.refund(payment_id, "500.00")).json()["status"] == "succeeded"
    assert (await till.get(f"/payments/{payment_id}")).json()["refundable"] is False


async def test_an_awaited_refund_counts_against_the_rest(till: Till) -> None:
    payment_id = await till.create_paid("1500.00")
    await till.behave(refund_decision_seconds=60)
    await till.refund(payment_id, "1000.00")
    assert (await till.refund(payment_id, "500.01")).status_code == 400


async def test_parallel_refunds_do_not_exceed_the_payment(till: Till) -> None:
    payment_id = await till.create_paid("1500.00")
    answers = await asyncio.gather(*(till.refund(payment_id, "400.00") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 5
    assert await refunded(till, payment_id) == rubles("1200.00")


async def test_an_unpaid_payment_cannot_be_refunded(till: Till) -> None:
    assert (await till.refund(await till.create(), "1500.00")).status_code == 400
    held = await till.create_paid(capture=False)
    assert (await till.refund(held, "1500.00")).status_code == 400


async def test_a_refund_can_be_decided_late(till: Till, clock: MovableClock) -> None:
    payment_id = await till.create_paid("1500.00")
    await till.behave(refund_decision_seconds=60)
    refund = (await till.refund(payment_id, "1500.00")).json()
    seen = []
    for step in (timedelta(0), timedelta(seconds=59), timedelta(seconds=1)):
        clock.advance(step)
        seen.append((await till.get(f"/refunds/{refund['id']}")).json()["status"])
    assert refund["status"] == "pending"
    assert seen == ["pending", "pending", "succeeded"]
    assert await refunded(till, payment_id) == rubles("1500.00")


async def test_refunds_fail_as_often_as_told_and_free_the_money(till: Till) -> None:
    payment_id = await till.create_paid("1500.00")
    await till.behave(fail_refunds=2, refund_failure_reason="rejected_by_payee")
    refunds = [(await till.refund(payment_id, "1500.00")).json() for _ in range(3)]
    assert [refund["status"] for refund in refunds] == ["canceled", "canceled", "succeeded"]
    assert refunds[0]["cancellation_details"]["reason"] == "rejected_by_payee"
    assert "cancellation_details" not in refunds[2]
    assert await refunded(till, payment_id) == rubles("1500.00")


async def test_a_late_refund_can_fail(till: Till, clock: MovableClock) -> None:
    payment_id = await till.create_paid("1500.00")
    await till.behave(refund_decision_seconds=60, fail_refunds=1)
    refund = (await till.refund(payment_id, "1500.00")).json()
    clock.advance(timedelta(seconds=60))
    assert (await till.get(f"/refunds/{refund['id']}")).json()["status"] == "canceled"
    assert await refunded(till, payment_id) == rubles("0.00")

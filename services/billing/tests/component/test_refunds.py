"""Cancelled visits: what goes back, what stays, and refunds that do not want to succeed (S7)."""

from typing import Any

import pytest

from contracts.billing import (
    InvoiceRefunded,
    RefundDeclinedByPolicy,
    RefundFailed,
    RefundRequested,
    RefundSucceeded,
)


@pytest.mark.requirement("BIL-42", "BIL-44")
async def test_a_visit_that_is_cancelled_in_time_is_refunded_in_full(world: Any) -> None:
    appointment_id = await world.paid()
    await world.cancel(appointment_id)
    (refunded,) = world.facts(RefundSucceeded)
    assert (refunded.cause, refunded.amount_kopecks) == ("CANCELLED_IN_TIME", 150_000)
    (refund,) = await world.acquirer.refunds()
    assert refund["amount"] == {"value": "1500.00", "currency": "RUB"}
    assert len(world.facts(RefundRequested)) == len(world.facts(InvoiceRefunded)) == 1
    assert (await world.invoice(appointment_id))["status"] == "REFUNDED"
    (row,) = await world.refunds()
    assert (row["state"], row["attempt"]) == ("SUCCEEDED", 1)
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-42")
async def test_a_visit_that_is_cancelled_late_is_not_refunded(world: Any) -> None:
    appointment_id = await world.paid()
    await world.cancel(appointment_id, lead_minutes=119, refund_eligible=False)
    (declined,) = world.facts(RefundDeclinedByPolicy)
    assert declined.lead_minutes == 119
    assert await world.acquirer.refunds() == []
    assert (await world.invoice(appointment_id))["status"] == "PAID"
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-42")
@pytest.mark.parametrize(("lead", "eligible"), [(30, True), (240, False)])
async def test_a_clinic_sets_the_window_in_booking_alone(
    world: Any, lead: int, eligible: bool
) -> None:
    """With 30 minutes more comes back than by the default, with 300 less; the patient was told so."""
    appointment_id = await world.paid()
    await world.cancel(appointment_id, lead_minutes=lead, refund_eligible=eligible)
    assert len(world.facts(RefundSucceeded)) == eligible
    assert len(world.facts(RefundDeclinedByPolicy)) == (not eligible)
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-43")
async def test_what_the_doctor_cancels_is_refunded_at_any_time(world: Any) -> None:
    appointment_id = await world.paid()
    await world.cancel(appointment_id, by="DOCTOR", lead_minutes=-5, refund_eligible=False)
    (refunded,) = world.facts(RefundSucceeded)
    assert refunded.cause == "CANCELLED_BY_CLINIC"


@pytest.mark.requirement("BIL-44")
async def test_a_refused_refund_is_tried_again_under_another_key(world: Any) -> None:
    await world.acquirer.north.behave(fail_refunds=1)
    appointment_id = await world.paid()
    await world.cancel(appointment_id)
    (row,) = await world.refunds(state="WAITING")
    assert (row["attempt"], row["reason"]) == (1, "insufficient_funds")
    assert row["retry_at"] == "2026-11-21T09:01:00Z"
    await world.pass_time(seconds=59)
    assert world.facts(RefundSucceeded) == []
    await world.pass_time(seconds=1)
    assert len(world.facts(RefundSucceeded)) == 1
    statuses = sorted(refund["status"] for refund in await world.acquirer.refunds())
    assert statuses == ["canceled", "succeeded"]
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-44", "OPS-02", "OPS-05")
async def test_when_all_tries_are_used_up_a_person_acts(world: Any) -> None:
    await world.set_policy("refund_retry_minutes", [1, 2])
    await world.acquirer.north.behave(fail_refunds=3)
    appointment_id = await world.paid()
    await world.cancel(appointment_id)
    for minutes in (1, 2, 60):
        await world.pass_time(minutes=minutes)
    (failed,) = world.facts(RefundFailed)
    assert failed.reason == "insufficient_funds"
    report = await world.money()
    assert [finding.code for finding in report.findings] == ["REFUND_NEEDS_A_PERSON"]
    (row,) = await world.refunds(state="FAILED")
    path = f"/api/v1/refunds/{row['payment_id']}/retry"
    answer = await world.client.post(path, headers=world.headers("administrator"))
    assert answer.status_code == 202
    assert (await world.subjects_of("RefundRetried.v1"))[-1] == row["patient_id"]
    await world.settle()
    assert len(world.facts(RefundSucceeded)) == 1
    assert (await world.money()).holds
    again = await world.client.post(path, headers=world.headers("administrator"))
    assert again.status_code == 202
    await world.settle()
    assert (await world.refunds())[0]["state"] == "SUCCEEDED"


@pytest.mark.requirement("BIL-44")
async def test_a_refund_is_followed_while_the_provider_decides(world: Any) -> None:
    await world.acquirer.north.behave(refund_decision_seconds=3600, lose_notifications=100)
    await world.paid_by_check()
    (row,) = await world.refunds(state="PENDING")
    await world.pass_time(minutes=59)
    assert world.facts(RefundSucceeded) == []
    await world.pass_time(hours=2)
    assert len(world.facts(RefundSucceeded)) == 1
    assert (await world.refunds())[0]["payment_id"] == row["payment_id"]


async def test_the_provider_s_notification_ends_the_wait(world: Any) -> None:
    await world.acquirer.north.behave(refund_decision_seconds=120)
    appointment_id = await world.paid()
    await world.cancel(appointment_id)
    world.clock.set(world.clock.now() + world.minutes(3))
    await world.acquirer.refunds()
    await world.notified()
    assert len(world.facts(RefundSucceeded)) == 1


@pytest.mark.requirement("BIL-44")
async def test_a_refund_that_is_never_decided_is_shown_to_a_person(world: Any) -> None:
    await world.set_policy("refund_overdue_hours", 1)
    await world.acquirer.north.behave(refund_decision_seconds=7200, lose_notifications=100)
    await world.paid_by_check()
    await world.pass_time(minutes=61)
    (failed,) = world.facts(RefundFailed)
    assert failed.reason == "overdue"
    await world.pass_time(minutes=90)
    (row,) = await world.refunds(state="FAILED")
    path = f"/api/v1/refunds/{row['payment_id']}/retry"
    await world.client.post(path, headers=world.headers("administrator"))
    await world.settle()
    # The first try went through after all: it is found, and no second one is made.
    assert len(world.facts(RefundSucceeded)) == len(await world.acquirer.refunds()) == 1


@pytest.mark.requirement("BIL-44")
async def test_an_answer_that_was_lost_after_the_refund_was_made_makes_no_second(
    world: Any,
) -> None:
    appointment_id = await world.paid()
    await world.acquirer.north.behave(fail_after_commit=1)
    await world.cancel(appointment_id)
    assert len(world.facts(RefundSucceeded)) == len(await world.acquirer.refunds()) == 1


@pytest.mark.requirement("BIL-44")
async def test_money_that_a_person_gave_back_at_the_provider_s_desk_is_not_given_twice(
    world: Any,
) -> None:
    appointment_id = await world.paid()
    (payment,) = await world.acquirer.payments()
    (await world.acquirer.north.refund(payment["id"], "1500.00")).raise_for_status()
    await world.notified()
    await world.cancel(appointment_id)
    assert len(world.facts(RefundSucceeded)) == len(await world.acquirer.refunds()) == 1
    assert (await world.money()).holds


async def test_a_part_that_a_person_gave_back_leads_to_a_person(world: Any) -> None:
    await world.set_policy("refund_retry_minutes", [])
    appointment_id = await world.paid()
    (payment,) = await world.acquirer.payments()
    receipt = world.part_receipt("500.00")
    await world.acquirer.north.refund(payment["id"], "500.00", receipt=receipt)
    await world.notified()
    await world.cancel(appointment_id)
    (failed,) = world.facts(RefundFailed)
    assert failed.reason == "invalid_request"


async def test_there_is_no_refund_to_retry(world: Any) -> None:
    path = f"/api/v1/refunds/{world.some_id()}/retry"
    answer = await world.client.post(path, headers=world.headers("administrator"))
    assert (answer.status_code, answer.json()["code"]) == (404, "REFUND_NOT_FOUND")

"""The whole way of the money with the stores of production."""

import asyncio
from typing import Any

import pytest

from contracts.billing import InvoicePaid, RefundSucceeded
from messaging.testing import running

pytestmark = pytest.mark.integration


@pytest.mark.requirement("BIL-44")
async def test_money_comes_and_goes_back_once(world: Any) -> None:
    appointment_id = await world.paid()
    await world.cancel(appointment_id)
    await world.handle_all_again()
    assert len(world.facts(InvoicePaid)) == len(world.facts(RefundSucceeded)) == 1
    assert len(await world.acquirer.refunds()) == 1
    report = await world.money()
    assert report.holds
    assert (report.paid.kopecks, report.kept.kopecks) == (150_000, 0)


async def test_many_who_begin_to_pay_at_once_share_one_payment(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    path = f"/api/v1/invoices/{invoice['invoice_id']}/payments"
    body = {"return_url": "https://clinic.example", "receipt_email": "anna@example.org"}
    async with running(*world.flows.values()):
        answers = await asyncio.gather(
            *(world.client.post(path, json=body, headers=world.as_patient()) for _ in range(20))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["confirmation_url"] for answer in answers}) == 1
    assert len(await world.acquirer.payments()) == 1

"""Receipts of a fiscal shop."""

from datetime import timedelta

import pytest

from sandbox.testing import Json, MovableClock, Till, payment_request, receipt, rubles


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        receipt("1499.99"),
        receipt("1500.00", "2"),
        receipt("1500.00") | {"customer": {"full_name": "Анна"}},
        receipt("1500.00") | {"items": []},
        receipt("1500.00", vat_code=13),
        receipt("1500.00", description="x" * 129),
        receipt("1500.00", "1.0001"),
        receipt("1500.00", payment_mode="credit"),
    ],
)
async def test_a_missing_or_illegal_receipt_is_refused(
    fiscal_till: Till, wrong: Json | None
) -> None:
    answer = await fiscal_till.post("/payments", payment_request("1500.00", receipt=wrong))
    assert answer.status_code == 400
    assert answer.json()["description"] == "Receipt is missing or illegal"
    assert answer.json()["parameter"].startswith("receipt")


async def test_a_price_is_multiplied_by_its_quantity(fiscal_till: Till) -> None:
    body = payment_request("1499.99", receipt=receipt("999.99", "1.500"))
    assert (await fiscal_till.post("/payments", body)).status_code == 200


async def test_the_receipt_of_a_paid_payment_is_registered(
    fiscal_till: Till, clock: MovableClock
) -> None:
    await fiscal_till.behave(receipt_decision_seconds=60)
    payment_id = await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00"))
    before = (await fiscal_till.get(f"/payments/{payment_id}")).json()
    clock.advance(timedelta(seconds=60))
    after = (await fiscal_till.get(f"/payments/{payment_id}")).json()
    assert before["receipt_registration"] == "pending"
    assert after["receipt_registration"] == "succeeded"
    [registered] = (await fiscal_till.get("/receipts", payment_id=payment_id)).json()["items"]
    assert registered["status"] == "succeeded"
    assert registered["settlements"] == [{"type": "cashless", "amount": rubles("1500.00")}]
    assert registered["fiscal_attribute"]


async def test_a_failed_receipt_does_not_undo_the_payment(fiscal_till: Till) -> None:
    await fiscal_till.behave(fail_receipts=1)
    first = await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00"))
    second = await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00"))
    payments = [(await fiscal_till.get(f"/payments/{one}")).json() for one in (first, second)]
    assert [payment["status"] for payment in payments] == ["succeeded", "succeeded"]
    registrations = [payment["receipt_registration"] for payment in payments]
    assert registrations == ["canceled", "succeeded"]


async def test_a_declined_payment_registers_no_receipt(fiscal_till: Till) -> None:
    payment_id = await fiscal_till.create("1500.00", receipt=receipt("1500.00"))
    await fiscal_till.press_decline(payment_id, "call_issuer")
    payment = (await fiscal_till.get(f"/payments/{payment_id}")).json()
    assert payment["receipt_registration"] == "canceled"
    assert (await fiscal_till.get("/receipts")).json()["items"] == []


async def test_a_part_refund_needs_its_own_receipt_and_a_full_one_does_not(
    fiscal_till: Till,
) -> None:
    part, whole = [
        await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00")) for _ in range(2)
    ]
    assert (await fiscal_till.refund(part, "500.00")).status_code == 400
    given = await fiscal_till.refund(part, "500.00", receipt=receipt("500.00"))
    copied = await fiscal_till.refund(whole, "1500.00")
    for refund in (given.json(), copied.json()):
        [registered] = (await fiscal_till.get("/receipts", refund_id=refund["id"])).json()["items"]
        assert registered["type"] == "refund"
        shown = (await fiscal_till.get(f"/refunds/{refund['id']}")).json()
        assert shown["receipt_registration"] == "succeeded"


async def test_a_part_capture_needs_a_receipt_of_that_part(fiscal_till: Till) -> None:
    payment_id = await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00"), capture=False)
    part: Json = {"amount": rubles("900.00")}
    refused = await fiscal_till.post(f"/payments/{payment_id}/capture", part)
    taken = await fiscal_till.post(
        f"/payments/{payment_id}/capture", part | {"receipt": receipt("900.00")}
    )
    assert (refused.status_code, taken.status_code) == (400, 200)


def closing(payment_id: str, **fields: object) -> Json:
    body = receipt("1500.00", payment_mode="full_payment") | {
        "type": "payment",
        "payment_id": payment_id,
        "send": True,
        "settlements": [{"type": "prepayment", "amount": rubles("1500.00")}],
    }
    return body | fields


async def test_a_closing_receipt_is_registered_apart(fiscal_till: Till) -> None:
    payment_id = await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00"))
    made = (await fiscal_till.post("/receipts", closing(payment_id))).json()
    assert (made["status"], made["payment_id"]) == ("succeeded", payment_id)
    assert (await fiscal_till.get(f"/receipts/{made['id']}")).json() == made
    assert len((await fiscal_till.get("/receipts", payment_id=payment_id)).json()["items"]) == 2


async def test_a_wrong_closing_receipt_is_refused(fiscal_till: Till) -> None:
    paid = await fiscal_till.create_paid("1500.00", receipt=receipt("1500.00"))
    unpaid = await fiscal_till.create("1500.00", receipt=receipt("1500.00"))
    settlements = [{"type": "prepayment", "amount": rubles("1.00")}]
    wrong = {
        "settlements": closing(paid, settlements=settlements),
        "payment_id": closing(unpaid),
        "refund_id": closing(paid, type="refund"),
        "send": closing(paid, send=False),
    }
    for parameter, body in wrong.items():
        answer = await fiscal_till.post("/receipts", body)
        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)

"""The life of a payment through the API."""

from datetime import timedelta

import httpx
import pytest

from sandbox.testing import MovableClock, Till, payment_request, rubles

MOMENT = timedelta(microseconds=1)


async def status(till: Till, payment_id: str) -> str:
    return str((await till.get(f"/payments/{payment_id}")).json()["status"])


async def reason(till: Till, payment_id: str) -> object:
    return (await till.get(f"/payments/{payment_id}")).json().get("cancellation_details")


async def test_a_new_payment_waits_for_the_payer(till: Till) -> None:
    answer = await till.post("/payments", payment_request(metadata={"invoice": "7"}))
    payment = answer.json()
    assert answer.status_code == 200
    assert payment["status"] == "pending"
    assert payment["paid"] is False
    assert payment["amount"] == {"value": "1500.00", "currency": "RUB"}
    assert payment["metadata"] == {"invoice": "7"}
    assert payment["confirmation"] == {
        "type": "redirect",
        "return_url": "https://clinic.example/back",
        "confirmation_url": f"http://acquirer.test/pay/{payment['id']}",
    }
    assert (await till.get(f"/payments/{payment['id']}")).json() == payment


async def test_a_paid_payment_is_succeeded_and_refundable(till: Till) -> None:
    payment_id = await till.create_paid("1500.00")
    payment = (await till.get(f"/payments/{payment_id}")).json()
    assert payment["status"] == "succeeded"
    assert payment["paid"] is True
    assert payment["refundable"] is True
    assert payment["refunded_amount"] == rubles("0.00")
    assert payment["income_amount"] == rubles("1458.00")
    assert payment["captured_at"] == "2026-11-21T09:00:00.000Z"
    assert "confirmation" not in payment


async def test_a_declined_payment_is_canceled_with_the_reason(till: Till) -> None:
    payment_id = await till.create()
    await till.press_decline(payment_id, "insufficient_funds")
    assert await status(till, payment_id) == "canceled"
    assert await reason(till, payment_id) == {
        "party": "payment_network",
        "reason": "insufficient_funds",
    }


async def test_a_final_payment_does_not_change_again(till: Till) -> None:
    paid, declined = await till.create_paid(), await till.create()
    await till.press_decline(declined, "call_issuer")
    assert (await till.press_decline(paid, "call_issuer")).status_code == 400
    assert (await till.press_pay(declined)).status_code == 400
    assert (await till.press_pay(paid)).json()["status"] == "succeeded"
    assert await status(till, paid) == "succeeded"
    assert await status(till, declined) == "canceled"


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        (timedelta(hours=1) - MOMENT, "pending"),
        (timedelta(hours=1), "canceled"),
        (timedelta(hours=1) + MOMENT, "canceled"),
    ],
)
async def test_an_unpaid_payment_expires_after_an_hour(
    till: Till, clock: MovableClock, waited: timedelta, expected: str
) -> None:
    payment_id = await till.create()
    clock.advance(waited)
    assert await status(till, payment_id) == expected


async def test_an_expired_payment_names_its_reason_and_cannot_be_paid(
    till: Till, clock: MovableClock
) -> None:
    payment_id = await till.create()
    clock.advance(timedelta(hours=1))
    assert (await till.press_pay(payment_id)).status_code == 400
    assert await reason(till, payment_id) == {
        "party": "yoo_money",
        "reason": "expired_on_confirmation",
    }


async def test_a_two_step_payment_waits_for_its_capture(till: Till) -> None:
    payment_id = await till.create_paid(capture=False)
    held = (await till.get(f"/payments/{payment_id}")).json()
    assert held["status"] == "waiting_for_capture"
    assert held["expires_at"] == "2026-11-28T09:00:00.000Z"
    captured = await till.post(f"/payments/{payment_id}/capture")
    assert captured.json()["status"] == "succeeded"


async def test_a_part_of_the_held_money_can_be_captured(till: Till) -> None:
    payment_id = await till.create_paid("1500.00", capture=False)
    too_much = await till.post(f"/payments/{payment_id}/capture", {"amount": rubles("1500.01")})
    assert too_much.status_code == 400
    part = await till.post(f"/payments/{payment_id}/capture", {"amount": rubles("900.00")})
    assert part.json()["amount"] == rubles("900.00")
    assert (await till.refund(payment_id, "900.01")).status_code == 400


async def test_only_held_money_can_be_let_go(till: Till) -> None:
    held, paid = await till.create_paid(capture=False), await till.create_paid()
    canceled = await till.post(f"/payments/{held}/cancel")
    assert canceled.json()["cancellation_details"] == {
        "party": "merchant",
        "reason": "canceled_by_merchant",
    }
    assert (await till.post(f"/payments/{paid}/cancel")).status_code == 400
    assert (await till.post(f"/payments/{paid}/capture")).status_code == 400


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        (timedelta(days=7) - MOMENT, "waiting_for_capture"),
        (timedelta(days=7), "canceled"),
        (timedelta(days=7) + MOMENT, "canceled"),
    ],
)
async def test_held_money_is_let_go_after_seven_days(
    till: Till, clock: MovableClock, waited: timedelta, expected: str
) -> None:
    payment_id = await till.create_paid(capture=False)
    clock.advance(waited)
    assert await status(till, payment_id) == expected


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"amount": rubles("1500")}, "amount.value"),
        ({"amount": rubles("0.99")}, "amount.value"),
        ({"amount": rubles("350000.01")}, "amount.value"),
        ({"amount": {"value": "10.00", "currency": "USD"}}, "amount.currency"),
        ({"description": "x" * 129}, "description"),
        ({"metadata": {f"key-{number}": "x" for number in range(17)}}, "metadata"),
        ({"confirmation": {"type": "redirect"}}, "confirmation"),
        (
            {"confirmation": {"type": "redirect", "return_url": "javascript:alert(1)"}},
            "confirmation.return_url",
        ),
        ({"payment_method_data": {"type": "sbp"}, "capture": False}, "capture"),
    ],
)
async def test_a_wrong_request_names_the_wrong_parameter(
    till: Till, fields: dict[str, object], parameter: str
) -> None:
    answer = await till.post("/payments", payment_request() | fields)
    error = answer.json()
    assert answer.status_code == 400
    assert (error["type"], error["code"]) == ("error", "invalid_request")
    assert error["parameter"] == parameter


async def test_sbp_takes_twice_as_much_as_a_card(till: Till) -> None:
    payment_id = await till.create("700000.00", payment_method_data={"type": "sbp"})
    assert await status(till, payment_id) == "pending"


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("embedded", "confirmation_token"),
        ("qr", "confirmation_data"),
        ("external", None),
    ],
)
async def test_each_kind_of_confirmation_has_its_own_answer(
    till: Till, kind: str, field: str | None
) -> None:
    answer = await till.post("/payments", payment_request(confirmation={"type": kind}))
    confirmation = answer.json()["confirmation"]
    assert set(confirmation) == {"type", field} - {None}


async def test_payments_are_listed_newest_first_in_pages(till: Till, clock: MovableClock) -> None:
    ids = []
    for _ in range(5):
        ids.append(await till.create())
        clock.advance(timedelta(minutes=1))
    first = (await till.get("/payments", limit=3)).json()
    second = (await till.get("/payments", limit=3, cursor=first["next_cursor"])).json()
    listed = [payment["id"] for page in (first, second) for payment in page["items"]]
    assert listed == ids[::-1]
    assert "next_cursor" not in second


async def test_a_list_is_filtered_by_status_and_time(till: Till, clock: MovableClock) -> None:
    paid = await till.create_paid()
    clock.advance(timedelta(minutes=1))
    waiting = await till.create()
    moment = clock.now.isoformat()
    by_status = (await till.get("/payments", status="succeeded")).json()["items"]
    since = (await till.get("/payments", **{"created_at.gte": moment})).json()["items"]
    before = (await till.get("/payments", **{"created_at.lt": moment})).json()["items"]
    assert [payment["id"] for payment in by_status] == [paid]
    assert [payment["id"] for payment in since] == [waiting]
    assert [payment["id"] for payment in before] == [paid]


async def test_a_wrong_secret_is_refused(acquirer_client: httpx.AsyncClient) -> None:
    for wrong in (
        Till(acquirer_client, "clinic", "key-2"),
        Till(acquirer_client, "clinic", ""),
        Till(acquirer_client, "nobody", "key-1"),
    ):
        answer = await wrong.post("/payments", payment_request())
        assert answer.status_code == 401
        assert answer.json()["code"] == "invalid_credentials"
    for header in ("", "Basic !", "Bearer abc", "Basic Y2xpbmlj"):
        answer = await acquirer_client.get("/v3/me", headers={"authorization": header})
        assert answer.status_code == 401


async def test_a_shop_does_not_see_the_payments_of_another(till: Till, fiscal_till: Till) -> None:
    payment_id = await till.create_paid()
    assert (await fiscal_till.get(f"/payments/{payment_id}")).status_code == 404
    assert (await fiscal_till.get("/payments")).json()["items"] == []
    assert (await fiscal_till.refund(payment_id, "1500.00")).status_code == 404
    assert (await fiscal_till.post(f"/payments/{payment_id}/cancel")).status_code == 404


async def test_a_shop_sees_its_own_settings(till: Till, fiscal_till: Till) -> None:
    assert (await till.get("/me")).json()["fiscalization_enabled"] is False
    account = (await fiscal_till.get("/me")).json()
    assert (account["account_id"], account["fiscalization_enabled"]) == ("lab", True)


async def test_an_unknown_thing_is_not_found(till: Till) -> None:
    for path in ("/payments/none", "/refunds/none", "/receipts/none", "/nothing"):
        answer = await till.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"

"""An acquirer that answers badly when it is told to."""

import time

import httpx

from sandbox.testing import Till, payment_request


async def test_a_500_after_the_commit_is_healed_by_the_same_key(till: Till) -> None:
    await till.behave(fail_after_commit=2)
    answers = [await till.post("/payments", payment_request(), key="k") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert answers[0].json()["code"] == "internal_server_error"
    [payment] = (await till.get("/payments")).json()["items"]
    assert payment["id"] == answers[2].json()["id"]


async def test_as_many_calls_as_told_are_too_many(till: Till) -> None:
    await till.behave(too_many_requests=2)
    answers = [
        await till.get("/me"),
        await till.post("/payments", payment_request(), key="k"),
        await till.post("/payments", payment_request(), key="k"),
    ]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].json()["code"] == "too_many_requests"
    assert len((await till.get("/payments")).json()["items"]) == 1


async def test_down_is_down_until_told_otherwise(till: Till) -> None:
    payment_id = await till.create()
    await till.behave(down=True)
    assert (await till.get(f"/payments/{payment_id}")).status_code == 503
    assert (await till.post("/payments", payment_request())).status_code == 503
    await till.behave()
    assert (await till.get(f"/payments/{payment_id}")).status_code == 200


async def test_slow_is_slow(till: Till) -> None:
    await till.behave(slow_seconds=0.2)
    started = time.monotonic()
    assert (await till.get("/me")).status_code == 200
    assert time.monotonic() - started >= 0.2


async def test_what_is_left_of_an_order_can_be_seen(till: Till) -> None:
    await till.behave(too_many_requests=3)
    await till.get("/me")
    left = (await till.client.get("/sandbox/behaviour/clinic")).json()
    assert left["too_many_requests"] == 2
    assert left["down"] is False


async def test_a_wrong_order_is_refused(acquirer_client: httpx.AsyncClient) -> None:
    wrong: list[tuple[str, dict[str, object], int]] = [
        ("clinic", {"explode": True}, 400),
        ("clinic", {"lose_notifications": -1}, 400),
        ("clinic", {"refund_failure_reason": "bad mood"}, 400),
        ("nobody", {}, 404),
    ]
    for shop_id, body, expected in wrong:
        answer = await acquirer_client.put(f"/sandbox/behaviour/{shop_id}", json=body)
        assert answer.status_code == expected


async def test_the_control_lists_everything_of_all_shops(till: Till) -> None:
    payment_id = await till.create_paid()
    await till.refund(payment_id, "1500.00")
    kinds = {}
    for kind in ("payments", "refunds", "receipts", "notifications", "shops"):
        kinds[kind] = len((await till.client.get(f"/sandbox/{kind}")).json()["items"])
    assert kinds == {"payments": 1, "refunds": 1, "receipts": 0, "notifications": 2, "shops": 2}
    shops = (await till.client.get("/sandbox/shops")).text
    assert "key-1" not in shops

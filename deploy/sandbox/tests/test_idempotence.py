"""A key does its work once, for 24 hours."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from sandbox.testing import MovableClock, Till, payment_request

MOMENT = timedelta(microseconds=1)


async def count(till: Till) -> int:
    return len((await till.get("/payments")).json()["items"])


async def test_a_repeated_key_gets_the_first_answer_again(till: Till) -> None:
    first = await till.post("/payments", payment_request(), key="k")
    await till.press_pay(first.json()["id"])
    second = await till.post("/payments", payment_request(), key="k")
    assert second.content == first.content
    assert await count(till) == 1


async def test_a_repeated_key_with_another_body_or_path_is_refused(till: Till) -> None:
    await till.post("/payments", payment_request("10.00"), key="k")
    for path, value in (("/payments", "20.00"), ("/refunds", "10.00")):
        answer = await till.post(path, payment_request(value) | {"payment_id": "x"}, key="k")
        assert answer.status_code == 400
        assert answer.json()["parameter"] == "Idempotence-Key"
    assert await count(till) == 1


async def test_a_key_belongs_to_one_shop(till: Till, fiscal_till: Till) -> None:
    await till.post("/payments", payment_request(), key="k")
    answer = await fiscal_till.post("/payments", payment_request(), key="k")
    assert answer.json()["description"] == "Receipt is missing or illegal"


@pytest.mark.parametrize("headers", [{}, {"Idempotence-Key": ""}, {"Idempotence-Key": "x" * 65}])
async def test_a_missing_or_too_long_key_is_refused(
    acquirer_client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await acquirer_client.post(
        "/v3/payments", json=payment_request(), headers=headers, auth=("clinic", "key-1")
    )
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "Idempotence-Key"


async def test_the_longest_key_is_accepted(till: Till) -> None:
    assert (await till.post("/payments", payment_request(), key="x" * 64)).status_code == 200


@pytest.mark.parametrize(
    ("waited", "payments"),
    [(timedelta(hours=24) - MOMENT, 1), (timedelta(hours=24), 2), (timedelta(hours=25), 2)],
)
async def test_a_key_is_remembered_for_a_day(
    till: Till, clock: MovableClock, waited: timedelta, payments: int
) -> None:
    await till.post("/payments", payment_request(), key="k")
    clock.advance(waited)
    await till.post("/payments", payment_request(), key="k")
    assert await count(till) == payments


async def test_a_refused_request_leaves_its_key_free(till: Till) -> None:
    await till.post("/payments", payment_request("0.10"), key="k")
    assert (await till.post("/payments", payment_request(), key="k")).status_code == 200


async def test_the_same_key_many_times_at_once_makes_one_payment(till: Till) -> None:
    answers = await asyncio.gather(
        *(till.post("/payments", payment_request(), key="k") for _ in range(20))
    )
    assert len({answer.content for answer in answers}) == 1
    assert await count(till) == 1

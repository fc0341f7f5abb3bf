"""What a person sees and presses."""

from datetime import timedelta

import httpx
import pytest

from sandbox.testing import MovableClock, Till


async def test_the_page_shows_sum_and_description_in_both_languages(till: Till) -> None:
    payment_id = await till.create("123456.70", description="Приём <b>врача</b>")
    page = (await till.client.get(f"/pay/{payment_id}")).text
    assert "123\u00a0456,70\u00a0₽" in page
    assert "Приём &lt;b&gt;врача&lt;/b&gt;" in page
    assert "Оплатить" in page
    assert "Pay" in page
    assert "insufficient_funds" in page


@pytest.mark.parametrize("button", ["confirm", "decline"])
async def test_a_browser_is_sent_back_to_the_shop(till: Till, button: str) -> None:
    payment_id = await till.create()
    answer = await till.client.post(f"/pay/{payment_id}/{button}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://clinic.example/back"


async def test_a_script_is_told_the_outcome(till: Till) -> None:
    answer = await till.press_pay(await till.create())
    assert answer.json() == {"status": "succeeded", "return_url": "https://clinic.example/back"}


async def test_without_a_way_back_the_page_tells_the_outcome(till: Till) -> None:
    payment_id = await till.create(confirmation={"type": "qr"})
    answer = await till.client.post(f"/pay/{payment_id}/confirm")
    assert answer.headers["location"] == f"/pay/{payment_id}"
    assert "Оплачено" in (await till.client.get(f"/pay/{payment_id}")).text


async def test_a_late_payer_is_shown_that_the_payment_is_over(
    till: Till, clock: MovableClock
) -> None:
    payment_id = await till.create()
    clock.advance(timedelta(hours=1))
    answer = await till.client.post(f"/pay/{payment_id}/confirm")
    assert answer.headers["location"] == f"/pay/{payment_id}"
    page = (await till.client.get(f"/pay/{payment_id}")).text
    assert "expired_on_confirmation" in page
    assert "<form" not in page


async def test_an_unknown_reason_or_payment_is_refused(till: Till) -> None:
    assert (await till.press_decline(await till.create(), "bad mood")).status_code == 400
    assert (await till.client.get("/pay/none")).status_code == 404


async def test_the_overview_lists_payments_refunds_and_notifications(till: Till) -> None:
    payment_id = await till.create_paid("1500.00", description="Приём хирурга")
    await till.refund(payment_id, "400.00")
    page = (await till.client.get("/")).text
    assert "Приём хирурга" in page
    assert "400,00\u00a0₽" in page
    assert "refund.succeeded" in page


async def test_the_twin_says_that_it_lives(acquirer_client: httpx.AsyncClient) -> None:
    assert (await acquirer_client.get("/livez")).status_code == 200

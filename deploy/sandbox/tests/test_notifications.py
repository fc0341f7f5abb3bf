"""What reaches the callback of a shop, over a real socket."""

from datetime import timedelta

import httpx
import pytest

from sandbox.acquirer.notifier import Notifier
from sandbox.testing import Callbacks, MovableClock, Till

SECOND = timedelta(seconds=1)


async def listed(till: Till, **query: str) -> list[dict[str, object]]:
    answer = await till.client.get("/sandbox/notifications", params=query)
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_each_change_is_notified(
    till: Till, notifier: Notifier, callback_server: Callbacks, clock: MovableClock
) -> None:
    paid = await till.create_paid()
    await till.press_decline(await till.create(), "call_issuer")
    held = await till.create_paid(capture=False)
    await till.post(f"/payments/{held}/capture")
    await till.refund(paid, "1500.00")
    forgotten = await till.create()
    clock.advance(timedelta(hours=1))
    await notifier.deliver_due()
    assert callback_server.events == [
        "payment.succeeded",
        "payment.canceled",
        "payment.waiting_for_capture",
        "payment.succeeded",
        "refund.succeeded",
        "payment.canceled",
    ]
    first, last = callback_server.received[0], callback_server.received[-1]
    assert first["type"] == "notification"
    assert isinstance(first["object"], dict)
    assert isinstance(last["object"], dict)
    assert (first["object"]["id"], first["object"]["status"]) == (paid, "succeeded")
    assert last["object"]["id"] == forgotten


async def test_a_delivered_notification_is_not_sent_again(
    till: Till, notifier: Notifier, callback_server: Callbacks, clock: MovableClock
) -> None:
    await till.create_paid()
    await notifier.deliver_due()
    clock.advance(timedelta(hours=1))
    assert await notifier.deliver_due() == 0
    assert callback_server.events == ["payment.succeeded"]


async def test_it_is_repeated_with_growing_pauses_until_200(
    till: Till, notifier: Notifier, callback_server: Callbacks, clock: MovableClock
) -> None:
    callback_server.answers = [500, 404, 202]
    await till.create_paid()
    tried = []
    for _ in range(8):
        tried.append(await notifier.deliver_due())
        clock.advance(SECOND)
    assert tried == [1, 1, 0, 1, 0, 0, 0, 1]
    assert len(callback_server.received) == 4
    [kept] = await listed(till)
    assert (kept["status"], kept["attempts"], kept["last_answer"]) == ("delivered", 4, "200")


async def test_an_unreachable_shop_is_tried_for_a_day_and_no_longer(
    till: Till, clock: MovableClock, acquirer_client: httpx.AsyncClient
) -> None:
    await till.create_paid()
    transport = acquirer_client._transport
    assert isinstance(transport, httpx.ASGITransport)
    refusing = httpx.MockTransport(lambda _: httpx.Response(503))
    async with httpx.AsyncClient(transport=refusing) as client:
        notifier = Notifier(transport.app.state.acquirer, client)  # type: ignore[attr-defined] # ours is FastAPI
        started = clock.now
        while await notifier.deliver_due() or clock.now - started < timedelta(hours=2):
            clock.advance(timedelta(minutes=10))
    [kept] = await listed(till)
    assert kept["status"] == "given_up"
    gave_up_after = clock.now - started
    assert timedelta(hours=23, minutes=50) <= gave_up_after <= timedelta(hours=24, minutes=10)


async def test_a_refused_connection_is_an_unsuccessful_attempt(
    till: Till, clock: MovableClock, acquirer_client: httpx.AsyncClient, notifier: Notifier
) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    await till.create_paid()
    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as client:
        await Notifier(notifier._acquirer, client).deliver_due()
    [kept] = await listed(till)
    assert (kept["status"], kept["last_answer"]) == ("waiting", "ConnectError")
    clock.advance(SECOND)
    await notifier.deliver_due()
    assert [one["status"] for one in await listed(till)] == ["delivered"]


async def test_notifications_can_be_delayed(
    till: Till, notifier: Notifier, callback_server: Callbacks, clock: MovableClock
) -> None:
    await till.behave(notification_delay_seconds=30)
    await till.create_paid()
    arrived = []
    for step in (timedelta(0), 30 * SECOND - timedelta(microseconds=1), timedelta(microseconds=1)):
        clock.advance(step)
        await notifier.deliver_due()
        arrived.append(len(callback_server.received))
    assert arrived == [0, 0, 1]


async def test_notifications_can_be_repeated(
    till: Till, notifier: Notifier, callback_server: Callbacks
) -> None:
    await till.behave(repeat_notifications=2)
    await till.create_paid()
    await notifier.deliver_due()
    assert callback_server.events == ["payment.succeeded"] * 3
    assert callback_server.received[0] == callback_server.received[2]


async def test_notifications_can_be_reordered(
    till: Till, notifier: Notifier, callback_server: Callbacks, clock: MovableClock
) -> None:
    await till.behave(reorder_window_seconds=10)
    payment_id = await till.create_paid(capture=False)
    clock.advance(9 * SECOND)
    await till.post(f"/payments/{payment_id}/capture")
    await notifier.deliver_due()
    assert callback_server.events == []
    clock.advance(SECOND)
    await notifier.deliver_due()
    assert callback_server.events == ["payment.succeeded", "payment.waiting_for_capture"]


async def test_as_many_notifications_are_lost_as_told(
    till: Till, notifier: Notifier, callback_server: Callbacks, clock: MovableClock
) -> None:
    await till.behave(lose_notifications=1)
    lost, kept = await till.create_paid(), await till.create_paid()
    await notifier.deliver_due()
    clock.advance(timedelta(hours=1))
    await notifier.deliver_due()
    [arrived] = callback_server.received
    assert isinstance(arrived["object"], dict)
    assert arrived["object"]["id"] == kept
    assert [one["status"] for one in await listed(till, object_id=lost)] == ["lost"]
    assert (await till.get(f"/payments/{lost}")).json()["status"] == "succeeded"


async def test_a_success_can_be_forged_for_an_unpaid_payment(
    till: Till, notifier: Notifier, callback_server: Callbacks
) -> None:
    payment_id = await till.create()
    answer = await till.client.post("/sandbox/forgeries", json={"payment_id": payment_id})
    assert answer.status_code == 201
    await notifier.deliver_due()
    [arrived] = callback_server.received
    assert arrived["event"] == "payment.succeeded"
    assert isinstance(arrived["object"], dict)
    assert (arrived["object"]["id"], arrived["object"]["paid"]) == (payment_id, True)
    assert (await till.get(f"/payments/{payment_id}")).json()["status"] == "pending"
    assert [one["forged"] for one in await listed(till)] == [True]


async def test_the_truth_cannot_be_forged(till: Till) -> None:
    payment_id = await till.create_paid()
    answer = await till.client.post("/sandbox/forgeries", json={"payment_id": payment_id})
    assert answer.status_code == 400


@pytest.mark.parametrize("copies", [0, 1])
async def test_behaviour_of_one_shop_does_not_touch_another(
    till: Till, acquirer_client: httpx.AsyncClient, copies: int
) -> None:
    await acquirer_client.put("/sandbox/behaviour/lab", json={"lose_notifications": 9})
    await till.behave(repeat_notifications=copies)
    await till.create_paid()
    assert [one["status"] for one in await listed(till)] == ["waiting"] * (1 + copies)

"""Who may send notifications, and what becomes of those that say nothing."""

from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request

from billing.adapters.yookassa import NOTIFICATION_SOURCES
from billing.api.dependencies import Gate
from service_kit.problems import Denied

YOOKASSA = tuple(ip_network(source) for source in NOTIFICATION_SOURCES)
GATEWAY = (ip_network("10.0.0.0/8"),)
URL = "/api/v1/callbacks/yookassa/north"


def coming_from(source: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", hops.encode()) for hops in forwarded]
    client = None if source is None else (source, 4711)
    return Request({"type": "http", "headers": headers, "client": client})


@pytest.mark.requirement("BIL-16")
@pytest.mark.parametrize(
    ("source", "forwarded"),
    [
        ("185.71.76.1", ()),
        ("77.75.156.11", ()),
        ("2a02:5180:0:1509::1", ()),
        ("10.0.0.5", ("185.71.77.31",)),
        ("10.0.0.5", ("1.2.3.4, 185.71.77.31, 10.1.1.1",)),
        ("10.0.0.5", ("1.2.3.4", "185.71.77.31")),
    ],
)
def test_the_provider_is_let_in(source: str, forwarded: tuple[str, ...]) -> None:
    Gate(sources=YOOKASSA, trusted_proxies=GATEWAY).require(coming_from(source, *forwarded))


@pytest.mark.requirement("BIL-16")
@pytest.mark.parametrize(
    ("source", "forwarded"),
    [
        (None, ()),
        ("185.71.76.32", ()),
        ("77.75.156.12", ()),
        ("8.8.8.8", ("185.71.76.1",)),
        ("10.0.0.5", ()),
        ("10.0.0.5", ("185.71.76.1, 8.8.8.8",)),
        ("10.0.0.5", ("185.71.76.1, garbage",)),
    ],
)
def test_others_are_not(source: str | None, forwarded: tuple[str, ...]) -> None:
    with pytest.raises(Denied):
        Gate(sources=YOOKASSA, trusted_proxies=GATEWAY).require(coming_from(source, *forwarded))


@pytest.mark.requirement("BIL-16")
async def test_an_address_that_is_not_the_provider_s_is_refused(world: Any) -> None:
    world.app.state.gate = Gate(sources=YOOKASSA)
    answer = await world.client.post(URL, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "CALLBACK_SOURCE_REFUSED")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"event": "payment.succeeded"}',
        b'{"event": "payout.succeeded", "object": {"id": "1"}}',
        b'{"event": "refund.succeeded", "object": {"id": "1"}}',
        b'{"event": "payment.succeeded", "object": {"id": "../refunds"}}',
        b'{"event": "payment.succeeded", "object": {"id": "2f0c9a1e-000f-5000-9000-145f6df21d6f"}}',
    ],
)
async def test_what_says_nothing_of_ours_changes_nothing(world: Any, body: bytes) -> None:
    before = await world.stored()
    answer = await world.client.post(URL, content=body)
    assert answer.status_code == 200
    assert await world.stored() == before


async def test_a_payment_that_the_shop_made_elsewhere_is_passed_over(world: Any) -> None:
    before = await world.stored()
    till = world.acquirer.north
    receipt = world.part_receipt("1500.00")
    for metadata in ({}, {"payment_id": "not an id"}, {"payment_id": str(world.some_id())}):
        await till.create_paid(receipt=receipt, metadata=metadata)
    await world.notified()
    assert await world.stored() == before
    sent = await till.client.get("/sandbox/notifications")
    assert {item["status"] for item in sent.json()["items"]} == {"delivered"}


@pytest.mark.parametrize("tenant", ["west", "NO SUCH"])
async def test_a_clinic_without_a_shop_has_no_address(world: Any, tenant: str) -> None:
    answer = await world.client.post(f"/api/v1/callbacks/yookassa/{tenant}", json={})
    assert answer.status_code == 404


async def test_while_the_provider_cannot_be_asked_it_is_told_to_come_again(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    answer = await world.pay(invoice["invoice_id"])
    page = answer.json()["confirmation_url"].rpartition("/")[2]
    await world.acquirer.north.press_pay(page)
    await world.acquirer.north.behave(down=True)
    told = await world.client.post(URL, json={"event": "payment.succeeded", "object": {"id": page}})
    assert told.status_code == 503
    assert int(told.headers["Retry-After"]) >= 1
    await world.acquirer.north.behave()
    await world.notified()
    assert (await world.payment(answer))["paid"]


async def test_what_billing_saw_belongs_to_the_story_of_the_payment(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    await world.press_pay(await world.pay(invoice["invoice_id"]))
    found = {
        event.type: event.meta()
        async for page in world.store.read_all()
        for event in page.events
        if event.stream.startswith("payment-")
    }
    seen = found["PaymentSucceeded.v1"]
    assert seen.correlation == found["PaymentStarted.v1"].correlation
    assert (seen.actor, seen.subject) == ("service:billing", invoice["patient_id"])

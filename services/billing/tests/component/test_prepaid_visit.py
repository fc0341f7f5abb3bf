"""An invoice from its issue to its payment, as patients and other services see it (S1)."""

from typing import Any
from uuid import UUID

import pytest

from contracts.billing import InvoiceCancelled, InvoicePaid, PreliminaryInvoiceIssued
from messaging.testing import running
from service_kit.ids import new_id

PRICE = 150_000


@pytest.mark.requirement("BIL-05", "BIL-07")
async def test_a_requested_appointment_gets_an_invoice(world: Any) -> None:
    appointment_id = await world.requested()
    invoice = await world.invoice(appointment_id)
    assert invoice["number"].startswith("261121-")
    assert invoice["issued_on"] == "2026-11-21"
    assert (invoice["status"], invoice["source"]) == ("OPEN", "APPOINTMENT")
    assert invoice["payable"]
    assert invoice["total_kopecks"] == PRICE
    assert [line["name"] for line in invoice["lines"]] == ["Приём терапевта"]
    (issued,) = world.facts(PreliminaryInvoiceIssued)
    assert (issued.appointment_id, issued.total_kopecks) == (appointment_id, PRICE)


@pytest.mark.requirement("BIL-05")
async def test_an_invoice_keeps_its_price_when_the_list_changes(world: Any) -> None:
    appointment_id = await world.requested()
    await world.sell(price=999_900)
    assert (await world.invoice(appointment_id))["total_kopecks"] == PRICE


async def test_a_visit_that_is_booked_first_gets_its_invoice_when_it_is_booked(world: Any) -> None:
    appointment_id = new_id()
    await world.reserve(appointment_id, status="UNPAID", payment_mode="BOOK_THEN_PAY_TO_ENTER")
    invoice = await world.invoice(appointment_id)
    assert (invoice["status"], invoice["pay_before"]) == ("OPEN", None)


async def test_what_is_free_or_has_no_price_gets_no_invoice(world: Any) -> None:
    await world.requested(payment_mode="FREE")
    free = new_id()
    await world.reserve(free, status="NOT_REQUIRED", payment_mode="FREE")
    await world.cancel(free)
    await world.requested(service_id=new_id())
    assert world.facts(PreliminaryInvoiceIssued, InvoiceCancelled) == []


@pytest.mark.requirement("BIL-07")
async def test_cancelling_the_booking_cancels_the_open_invoice(world: Any) -> None:
    appointment_id = await world.requested()
    await world.cancel(appointment_id, was_reserved=False)
    invoice = await world.invoice(appointment_id)
    assert (invoice["status"], invoice["payable"]) == ("CANCELLED", False)
    assert len(world.facts(InvoiceCancelled)) == 1
    answer = await world.pay(invoice["invoice_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "INVOICE_CANCELLED")


@pytest.mark.requirement("BIL-12", "BIL-15", "BIL-16", "BIL-45")
async def test_a_patient_pays_on_the_provider_s_page(world: Any) -> None:
    appointment_id = await world.requested()
    invoice = await world.invoice(appointment_id)
    answer = await world.pay(invoice["invoice_id"])
    assert answer.status_code == 201
    started = answer.json()
    assert (started["status"], started["paid"]) == ("PENDING", False)
    assert started["confirmation_url"].startswith(world.acquirer.url)
    await world.press_pay(answer)
    payment = await world.payment(answer)
    assert (payment["status"], payment["paid"]) == ("SUCCEEDED", True)
    (paid,) = world.facts(InvoicePaid)
    assert (paid.appointment_id, paid.total_kopecks) == (appointment_id, PRICE)
    assert paid.payment_id == UUID(started["payment_id"])
    invoice = await world.invoice(appointment_id)
    assert (invoice["status"], invoice["payable"]) == ("PAID", False)
    again = await world.pay(invoice["invoice_id"])
    assert (again.status_code, again.json()["code"]) == (409, "INVOICE_ALREADY_PAID")
    await world.reserve(appointment_id)
    assert (await world.money()).holds


@pytest.mark.requirement("BIL-10", "NTF-24")
async def test_the_provider_is_asked_for_the_whole_with_a_receipt(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    await world.press_pay(await world.pay(invoice["invoice_id"]))
    (payment,) = await world.acquirer.payments()
    assert payment["amount"] == {"value": "1500.00", "currency": "RUB"}
    assert invoice["number"] in payment["description"]
    assert payment["receipt_registration"] == "succeeded"
    receipts = await world.acquirer.north.client.get("/sandbox/receipts")
    (receipt,) = receipts.json()["items"]
    (item,) = receipt["items"]
    assert (item["vat_code"], item["payment_mode"]) == (1, "full_prepayment")
    assert item["amount"] == {"value": "1500.00", "currency": "RUB"}
    with world.acquirer.books.reading() as book:
        assert book.payment(payment["id"]).receipt.customer.email == "anna@example.org"


@pytest.mark.requirement("BIL-15")
async def test_coming_back_is_no_proof_of_money(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    answer = await world.pay(invoice["invoice_id"])
    path = f"/api/v1/payments/{answer.json()['payment_id']}/check"
    back = await world.client.post(path, headers=world.as_patient())
    assert (back.json()["status"], back.json()["paid"]) == ("PENDING", False)
    await world.settle()
    assert world.facts(InvoicePaid) == []


@pytest.mark.requirement("BIL-15")
async def test_the_payer_who_is_back_need_not_wait_for_the_notification(world: Any) -> None:
    await world.acquirer.north.behave(lose_notifications=1)
    invoice = await world.invoice(await world.requested())
    answer = await world.pay(invoice["invoice_id"])
    await world.press_pay(answer)
    assert world.facts(InvoicePaid) == []
    path = f"/api/v1/payments/{answer.json()['payment_id']}/check"
    back = await world.client.post(path, headers=world.as_patient())
    assert (back.json()["status"], back.json()["paid"]) == ("SUCCEEDED", True)
    again = await world.client.post(path, headers=world.as_patient())
    assert again.json() == back.json()
    await world.settle()
    assert len(world.facts(InvoicePaid)) == 1


async def test_a_repeat_answers_the_open_payment(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    first = await world.pay(invoice["invoice_id"], key="one")
    same = await world.pay(invoice["invoice_id"], key="one")
    other = await world.pay(invoice["invoice_id"], key="two")
    assert first.json() == same.json() == other.json()
    assert len(await world.acquirer.payments()) == 1


async def test_a_refused_payment_can_be_tried_again(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    first = await world.pay(invoice["invoice_id"])
    page = first.json()["confirmation_url"].rpartition("/")[2]
    await world.acquirer.north.press_decline(page, "insufficient_funds")
    await world.notified()
    failed = await world.payment(first)
    assert (failed["status"], failed["reason"], failed["paid"]) == (
        "FAILED",
        "insufficient_funds",
        False,
    )
    second = await world.pay(invoice["invoice_id"])
    assert second.json()["payment_id"] != first.json()["payment_id"]
    await world.press_pay(second)
    assert len(world.facts(InvoicePaid)) == 1


async def test_two_tenants_see_nothing_of_each_other(world: Any) -> None:
    await world.sell(tenant="south", price=70_000)
    north = await world.requested()
    south = await world.requested(tenant="south")
    invoice = await world.invoice(south, tenant="south")
    assert invoice["total_kopecks"] == 70_000
    await world.pay(invoice["invoice_id"], tenant="south")
    assert len(await world.acquirer.payments("south")) == 1
    assert await world.acquirer.payments("north") == []
    for path in (f"/api/v1/invoices/{invoice['invoice_id']}", "/api/v1/payments"):
        seen = await world.client.get(path, headers=world.headers("administrator"))
        assert seen.status_code == 404 or seen.json()["items"] == []
    listed = await world.client.get(
        "/api/v1/invoices",
        params={"appointment_id": str(south)},
        headers=world.headers("administrator"),
    )
    assert listed.json()["items"] == []
    assert (await world.invoice(north))["total_kopecks"] == PRICE


async def test_the_payer_s_address_is_sealed_everywhere(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    await world.press_pay(await world.pay(invoice["invoice_id"]))
    async for page in world.store.read_all():
        for event in page.events:
            assert b"example.org" not in (event.data + event.metadata).lower()
    assert all("example.org" not in fact.model_dump_json().lower() for _, fact in world.told)


async def test_a_payer_who_was_erased_meanwhile_pays_nothing(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    world.app.state.redirect_wait_seconds = 0.01
    answer = await world.client.post(
        f"/api/v1/invoices/{invoice['invoice_id']}/payments",
        json={"return_url": "https://clinic.example", "receipt_email": "anna@example.org"},
        headers=world.as_patient(),
    )
    assert (answer.json()["status"], answer.json()["confirmation_url"]) == ("CREATED", None)
    patient = UUID(invoice["patient_id"])
    await world.keyring.destroy("north", patient)
    world.billing.sealers.forget("north", patient)
    await world.settle()
    assert (await world.payment(answer))["status"] == "FAILED"
    assert await world.acquirer.payments() == []


async def test_a_clinic_without_a_shop_takes_no_money_online(world: Any) -> None:
    await world.sell(tenant="west")
    appointment_id = await world.requested(tenant="west")
    invoice = await world.invoice(appointment_id, tenant="west")
    answer = await world.pay(invoice["invoice_id"], tenant="west")
    assert (answer.status_code, answer.json()["code"]) == (409, "ONLINE_PAYMENT_OFF")


async def test_everything_handled_a_second_time_changes_nothing(world: Any) -> None:
    appointment_id = await world.paid()
    await world.cancel(appointment_id)
    before = await world.stored()
    await world.handle_all_again()
    assert await world.stored() == before
    assert len(await world.acquirer.refunds()) == 1


async def test_who_is_quicker_than_the_news_of_a_declined_payment_gets_a_new_one(
    world: Any,
) -> None:
    invoice = await world.invoice(await world.requested())
    declined = (await world.pay(invoice["invoice_id"])).json()
    page = declined["confirmation_url"].rpartition("/")[2]
    await world.acquirer.north.press_decline(page, "insufficient_funds")
    await world.acquirer.notifier.deliver_due()  # the payment knows, the invoice does not yet
    world.app.state.redirect_wait_seconds = 0.2
    path = f"/api/v1/invoices/{invoice['invoice_id']}/payments"
    body = {"return_url": "https://clinic.example/back", "receipt_email": "anna@example.org"}
    headers = world.as_patient(key="again")
    early = await world.client.post(path, json=body, headers=headers)
    assert (early.status_code, early.json()["code"]) == (503, "UNAVAILABLE")
    async with running(*world.flows.values()):
        world.app.state.redirect_wait_seconds = 5.0
        later = await world.client.post(path, json=body, headers=headers)
    assert later.status_code == 201
    assert later.json()["payment_id"] != declined["payment_id"]
    assert later.json()["confirmation_url"]

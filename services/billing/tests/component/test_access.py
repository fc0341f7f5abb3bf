"""Every route with every role, and the lists."""

from typing import Any
from uuid import UUID

import pytest

from contracts.billing import PricePublished
from service_kit.testing import Example, access_walk

PATIENT = UUID("0190c000-0000-7000-8000-000000000001")
OTHER = UUID("0190c000-0000-7000-8000-000000000002")
BRANCH = "0190c000-0000-7000-8000-000000000003"
SERVICE = "0190c000-0000-7000-8000-000000000004"


@pytest.mark.requirement("GW-24")
async def test_every_route_lets_in_whom_the_table_names(world: Any) -> None:
    mine = await world.invoice(await world.paid())
    theirs = await world.invoice(await world.paid(patient=OTHER))
    pay = {"return_url": "https://clinic.example", "receipt_email": "anna@example.org"}
    price = {"branch_id": BRANCH, "department": "A", "code": "B", "name": "C", "price_kopecks": 1}
    change = {"key": "payment_minutes", "value": 30, "reason": "TRIAL"}

    def invoice(body: Any = None) -> Example:
        foreign = Example(path={"invoice_id": theirs["invoice_id"]}, json=body)
        return Example(path={"invoice_id": mine["invoice_id"]}, json=body, foreign=foreign)

    def payment() -> Example:
        foreign = Example(path={"payment_id": theirs["payment_id"]})
        return Example(path={"payment_id": mine["payment_id"]}, foreign=foreign)

    findings = await access_walk(
        world.app,
        {
            "read_price_list": Example(query={"branch_id": BRANCH}),
            "publish_price": Example(json=price),
            "withdraw_price": Example(path={"service_id": SERVICE}, query={"branch_id": BRANCH}),
            "list_invoices": Example(query={"appointment_id": mine["appointment_id"]}),
            "read_invoice": invoice(),
            "pay_invoice": invoice(pay),
            "read_payment": payment(),
            "check_payment": payment(),
            "retry_refund": Example(path={"payment_id": mine["payment_id"]}),
            "receive_notification": Example(path={"tenant": "north"}),
            "set_policy": Example(json=change),
        },
        patient_id=PATIENT,
    )
    assert findings == []


@pytest.mark.requirement("BIL-01")
async def test_the_price_list_is_grouped_and_counted(world: Any) -> None:
    async def publish(code: str, department: str, **more: object) -> Any:
        body = {
            "branch_id": BRANCH,
            "department": department,
            "code": code,
            "name": f"Услуга {code}",
            "price_kopecks": 50_000,
        }
        headers = world.headers("administrator")
        path = "/api/v1/price-list/services"
        return await world.client.post(path, json=body | more, headers=headers)

    first = await publish("E2", "ЭКГ")
    await publish("E1", "ЭКГ")
    assert (await publish("E1", "ЭКГ")).json()["code"] == "SERVICE_CODE_TAKEN"
    await publish("X", "Анализы")
    await world.settle()

    async def listed() -> list[tuple[str, int, list[str]]]:
        answer = await world.client.get(
            "/api/v1/price-list", params={"branch_id": BRANCH}, headers=world.headers("anonymous")
        )
        return [
            (each["department"], each["count"], [service["code"] for service in each["services"]])
            for each in answer.json()["departments"]
        ]

    assert await listed() == [
        ("Анализы", 1, ["X"]),
        ("Терапия", 1, ["B01.047.001"]),
        ("ЭКГ", 2, ["E1", "E2"]),
    ]
    gone = await world.client.delete(
        f"/api/v1/price-list/services/{first.json()['service_id']}",
        params={"branch_id": BRANCH},
        headers=world.headers("administrator"),
    )
    assert gone.status_code == 204
    await world.settle()
    assert ("ЭКГ", 1, ["E1"]) in await listed()


async def test_a_patient_sees_only_own_payments_page_by_page(world: Any) -> None:
    for _ in range(3):
        await world.paid()
        world.clock.set(world.clock.now() + world.minutes(1))
    await world.paid(patient=OTHER)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await world.client.get(
            "/api/v1/payments", params={"limit": "2", **cursor}, headers=world.as_patient()
        )
        page = answer.json()
        assert {item["patient_id"] for item in page["items"]} == {str(PATIENT)}
        seen += [item["started_at"] for item in page["items"]]
        if page.get("next") is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == 3
    assert seen == sorted(seen, reverse=True)
    everything = await world.client.get("/api/v1/payments", headers=world.headers("administrator"))
    assert len(everything.json()["items"]) == 4
    theirs = await world.client.get(
        "/api/v1/payments",
        params={"patient_id": str(OTHER)},
        headers=world.headers("administrator"),
    )
    assert len(theirs.json()["items"]) == 1
    wrong = await world.client.get(
        "/api/v1/payments", params={"cursor": "e30"}, headers=world.as_patient()
    )
    assert (wrong.status_code, wrong.json()["code"]) == (400, "CURSOR_INVALID")


async def test_an_account_without_a_registration_card_sees_no_payments(world: Any) -> None:
    await world.paid()
    stranger = {"headers": world.headers("patient")}
    answer = await world.client.get("/api/v1/payments", **stranger)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_YOURS")
    named = {"patient_id": str(PATIENT)}
    answer = await world.client.get("/api/v1/payments", params=named, **stranger)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_YOURS")


async def test_a_patient_sees_no_invoice_of_another(world: Any) -> None:
    appointment_id = await world.requested(patient=OTHER)
    listed = await world.client.get(
        "/api/v1/invoices",
        params={"appointment_id": str(appointment_id)},
        headers=world.as_patient(),
    )
    assert listed.json() == {"items": []}
    own = await world.client.get(
        "/api/v1/invoices",
        params={"appointment_id": str(appointment_id)},
        headers=world.as_patient(OTHER),
    )
    assert len(own.json()["items"]) == 1


@pytest.mark.parametrize("path", ["invoices/{id}", "payments/{id}"])
async def test_what_is_not_there_is_not_found(world: Any, path: str) -> None:
    where = "/api/v1/" + path.format(id=world.some_id())
    answer = await world.client.get(where, headers=world.as_patient())
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["invoices/{id}/payments", "payments/{id}/check"])
async def test_what_is_not_there_is_not_paid(world: Any, path: str) -> None:
    where = "/api/v1/" + path.format(id=world.some_id())
    body = {"return_url": "https://clinic.example", "receipt_email": "anna@example.org"}
    answer = await world.client.post(where, json=body, headers=world.as_patient())
    assert answer.status_code == 404


async def test_a_receipt_needs_an_address(world: Any) -> None:
    invoice = await world.invoice(await world.requested())
    answer = await world.client.post(
        f"/api/v1/invoices/{invoice['invoice_id']}/payments",
        json={"return_url": "https://clinic.example", "receipt_email": "nobody"},
        headers=world.as_patient(),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "EMAIL_INVALID")
    assert "nobody" not in answer.text


@pytest.mark.requirement("BIL-01")
async def test_a_service_is_tied_to_doctors_and_kinds_and_the_others_hear_of_it(world: Any) -> None:
    path, manager = "/api/v1/price-list/services", world.headers("administrator")
    scope = {
        "clinician_ids": [str(world.some_id())],
        "specialties": ["Терапевт"],
        "kinds": ["ONLINE"],
    }
    body = {
        "branch_id": str(BRANCH),
        "department": "Терапия",
        "code": "T-9",
        "name": "Приём",
        "price_kopecks": 150_000,
    }
    first = await world.client.post(path, json={**body, "scope": scope}, headers=manager)
    assert first.status_code == 201, first.text
    dearer = {**body, "service_id": first.json()["service_id"], "price_kopecks": 160_000}
    headers = world.headers("administrator")
    assert (await world.client.post(path, json=dearer, headers=headers)).status_code == 201
    await world.settle()
    for told in world.facts(PricePublished)[-2:]:
        assert told.model_dump(mode="json").items() >= scope.items()
    listed = await world.client.get(
        "/api/v1/price-list", params={"branch_id": BRANCH}, headers=world.headers("anonymous")
    )
    shown = [one for group in listed.json()["departments"] for one in group["services"]]
    assert [(one["price_kopecks"], one["scope"]) for one in shown if one["code"] == "T-9"] == [
        (160_000, scope)
    ]
    wrong = {**body, "code": "T-10", "scope": {"kinds": ["PHONE"]}}
    refused = await world.client.post(path, json=wrong, headers=world.headers("administrator"))
    assert refused.status_code == 422

"""The public door: one answer per key, reads that see what was done, a true description, and no way around it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from gateway.routing import load_documents
from journeys.clinic import open_clinic
from journeys.outside import Mailbox
from journeys.person import Person, Refused
from journeys.suite import Suite
from journeys.visit import DAY, free_slots, register
from service_kit.ids import new_id

METHODS = ("get", "put", "post", "delete", "patch")
TENANT = {"X-Kabinet-Tenant": "north"}


@pytest.mark.requirement("GW-18")
async def test_a_repeated_key_gets_the_first_answer_and_another_request_is_refused(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    slots = await free_slots(patient.person, clinic, suite.now() + DAY)
    wish = {
        "clinician_id": str(clinic.clinician_id),
        "starts_at": slots[0]["starts_at"],
        "kind": "ONLINE",
        "service_id": str(clinic.service_id),
        "confirmed": True,
    }
    headers = {"Idempotency-Key": str(new_id())}
    at = "/api/v1/appointments"
    first = await patient.person.ask("POST", at, json=wish, headers=headers)
    again = await patient.person.ask("POST", at, json=wish, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["kabinet-position"] == first.headers["kabinet-position"]
    assert len((await patient.person.get(at, filter="all"))["items"]) == 1

    other = wish | {"starts_at": slots[1]["starts_at"]}
    with pytest.raises(Refused) as reused:
        await patient.person.ask("POST", at, json=other, headers=headers)
    assert (reused.value.status, reused.value.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    bare = await http.post(
        at, json=other, headers=TENANT | {"Authorization": f"Bearer {patient.person.token}"}
    )
    assert (bare.status_code, bare.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")


@pytest.mark.requirement("GW-19")
async def test_a_read_with_the_position_of_a_command_sees_it_at_once(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    clinic = await open_clinic(suite, http)
    for number in range(20):
        template = await clinic.doctor.post(
            "/api/v1/schedule-templates",
            {
                "name": f"Шаблон {number}",
                "kinds": ["ONLINE"],
                "valid_from": "2030-01-01",
                "valid_to": "2030-02-01",
                "weekdays": ["MON"],
                "first_at": "09:00",
                "last_at": "10:00",
                "cells": ["09:00", "10:00"],
            },
        )
        # `Person` sends back the position of its last command with every read.
        at = f"/api/v1/schedule-templates/{template['template_id']}"
        assert (await clinic.doctor.get(at))["name"] == f"Шаблон {number}"
        price = await clinic.administrator.post(
            "/api/v1/price-list/services",
            {
                "branch_id": str(clinic.branch_id),
                "department": "Терапия",
                "code": f"X{number}",
                "name": "Услуга",
                "price_kopecks": 100 + number,
            },
        )
        listed = await clinic.administrator.get(
            "/api/v1/price-list", branch_id=str(clinic.branch_id)
        )
        assert price["service_id"] in str(listed)


@pytest.mark.requirement("GW-16", "GW-17")
async def test_what_is_not_described_is_not_there(suite: Suite, http: httpx.AsyncClient) -> None:
    person = (await register(suite, http)).person
    for method, path, status, code in (
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/v1/internal/sessions/ended", 404, "NOT_FOUND"),
        ("POST", f"/api/v1/internal/keys/{person.patient_id}", 404, "NOT_FOUND"),
        ("POST", f"/internal/keys/{person.patient_id}", 404, "NOT_FOUND"),
        ("POST", "/api/v1/internal/service-tokens", 404, "NOT_FOUND"),
        ("PATCH", "/api/v1/appointments", 405, "METHOD_NOT_ALLOWED"),
    ):
        headers = TENANT | {"Authorization": f"Bearer {person.token}"}
        answer = await http.request(method, path, headers=headers)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["correlation_id"]
        assert problem["title"]
        if status == 405:
            assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}


async def test_the_description_is_openapi_and_all_its_references_lead_somewhere(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    document = (await http.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)
    for reference in set(_references(document)):
        assert reference.startswith("#/"), reference
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(names) == len(set(names)) > 50
    for method, path, operation in _operations(document):
        assert not path.startswith("/api/v1/internal"), path
        assert operation.get("description") or operation.get("summary"), path
        declared = {
            part["name"] for part in operation.get("parameters", ()) if part["in"] == "path"
        }
        assert declared == set(re.findall(r"\{(\w+)\}", path)), (method, path)
    assert (await http.get("/docs")).status_code == 200


@pytest.mark.requirement("GW-24", "GW-25")
async def test_without_a_token_only_what_the_table_gives_to_strangers_is_open(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    await open_clinic(suite, http)
    seen = {True: 0, False: 0}
    for document in load_documents().values():
        for method, path, operation in _operations(document):
            if "internal" in operation.get("tags", ()):
                continue
            anonymous = "anonymous" in operation["x-access"]["roles"]
            address = re.sub(r"\{\w+\}", lambda _: str(new_id()), path)
            answer = await http.request(
                method, address, headers=TENANT | {"Idempotency-Key": str(new_id())}
            )
            code = answer.json().get("code") if answer.is_error else None
            if anonymous:
                assert code != "TOKEN_REQUIRED", (method, path)
            else:
                assert (answer.status_code, code) == (401, "TOKEN_REQUIRED"), (method, path)
                assert answer.headers["www-authenticate"] == "Bearer"
            seen[anonymous] += 1
    assert min(seen.values()) > 10
    forged = await http.get("/api/v1/me", headers=TENANT | {"Authorization": "Bearer a.b.c"})
    assert (forged.status_code, forged.json()["code"]) == (401, "TOKEN_INVALID")


@pytest.mark.requirement("GW-25", "IDN-08")
async def test_a_stranger_who_solves_no_captcha_gets_no_code(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    address, at = f"stranger-{new_id().hex[-12:]}@mail.test", "/api/v1/registrations"
    mailbox = Mailbox(http, suite.url("mail"), address)
    form = {
        "last_name": "Иванова",
        "first_name": "Мария",
        "birth_date": "1988-03-08",
        "sex": "FEMALE",
        "email": address,
        "consents": {"personal_data": True, "document": "offer-2026-01"},
    }
    stranger = Person(http=http, tenant="north")
    with pytest.raises(Refused) as bare:
        await stranger.post(at, form)
    assert (bare.value.status, bare.value.code) == (403, "CAPTCHA_REQUIRED")
    started = await stranger.post(at, form, captcha=True)
    await mailbox.code()
    assert len(await mailbox.letters()) == 1
    with pytest.raises(Refused) as another:
        await stranger.post(f"{at}/{started['registration_id']}/code")
    assert (another.value.status, another.value.code) == (403, "CAPTCHA_REQUIRED")

    solution = await stranger.solution()
    answers = [
        await http.post(
            at,
            json=form,
            headers=TENANT | {"Idempotency-Key": str(new_id()), "X-Kabinet-Captcha": solution},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 403]
    assert answers[1].json()["code"] == "CAPTCHA_INVALID"


@pytest.mark.requirement("IDN-27")
async def test_a_session_ends_at_once(suite: Suite, http: httpx.AsyncClient) -> None:
    patient = await register(suite, http)
    headers = TENANT | {"Authorization": f"Bearer {patient.person.token}"}
    assert (await http.get("/api/v1/me", headers=headers)).status_code == 200
    await patient.person.delete("/api/v1/sessions/current")
    after = await http.get("/api/v1/me", headers=headers)
    assert (after.status_code, after.json()["code"]) == (401, "SESSION_ENDED")
    await patient.person.sign_in()
    assert (await patient.person.get("/api/v1/me"))["account_id"]


def _operations(document: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _references(part)

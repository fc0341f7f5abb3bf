"""Every refusal is a problem document."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from decider import Rejection
from service_kit.access import Access, AccessTable, Ownership
from service_kit.app import create_app
from service_kit.errors import ConfigurationError
from service_kit.kit import Kit
from service_kit.openapi import openapi_document
from service_kit.problems import ProblemTable

ANONYMOUS = {"X-Kabinet-Tenant": "north"}


@pytest.mark.requirement("GW-17")
@pytest.mark.parametrize(
    ("kind", "headers", "status", "code"),
    [
        ("rejection", {}, 409, "NOTE_CLOSED"),
        ("conflict", {}, 409, "CONCURRENT_CHANGE"),
        ("conflict", {"If-Match": '"1"'}, 412, "VERSION_CHANGED"),
        ("reused", {}, 422, "IDEMPOTENCY_KEY_REUSED"),
        ("unavailable", {}, 503, "UNAVAILABLE"),
        ("no-key", {}, 503, "UNAVAILABLE"),
        ("database-away", {}, 503, "UNAVAILABLE"),
        ("database-stops", {}, 503, "UNAVAILABLE"),
        ("database-lost", {}, 503, "UNAVAILABLE"),
        ("erased", {}, 410, "SUBJECT_ERASED"),
        ("bug", {}, 500, "INTERNAL"),
    ],
)
async def test_each_failure_has_its_status_and_code(
    client: httpx.AsyncClient, kind: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.post(f"/api/v1/notes/failures/{kind}", headers=ANONYMOUS | headers)
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["correlation_id"] == answer.headers["x-correlation-id"]
    assert body["instance"] == f"/api/v1/notes/failures/{kind}"
    assert body["type"] == f"urn:kabinet:problem:{code.lower().replace('_', '-')}"
    assert "Иванов" not in answer.text


async def test_a_rejection_shows_its_facts_in_the_language_of_the_reader(
    client: httpx.AsyncClient,
) -> None:
    note = "0190b000-0000-7000-8000-000000000003"
    russian = await client.post("/api/v1/notes/failures/rejection", headers=ANONYMOUS)
    assert russian.json()["title"] == "Заметка закрыта"
    assert russian.json()["detail"] == f"Заметка {note}"
    assert russian.json()["facts"] == {"note_id": note}
    english = await client.post(
        "/api/v1/notes/failures/rejection", headers=ANONYMOUS | {"Accept-Language": "en-GB"}
    )
    assert english.json()["title"] == "The note is closed"
    assert english.headers["content-language"] == "en"


async def test_unavailable_says_when_to_come_again(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/notes/failures/unavailable", headers=ANONYMOUS)
    assert answer.headers["retry-after"] == "7"


async def test_fields_are_named_with_stable_codes(
    client: httpx.AsyncClient, patient: dict[str, str]
) -> None:
    answer = await client.post(
        "/api/v1/notes", json={"text": "", "phone": "12", "colour": 1}, headers=patient
    )
    assert answer.status_code == 422
    errors = {error["field"]: (error["in"], error["code"]) for error in answer.json()["errors"]}
    assert errors == {
        "text": ("body", "TOO_SHORT"),
        "phone": ("body", "PHONE_INVALID"),
        "colour": ("body", "UNKNOWN_FIELD"),
    }
    assert "12" not in answer.json()["errors"][1]["message"]


async def test_a_body_that_is_no_json_is_refused(
    client: httpx.AsyncClient, patient: dict[str, str]
) -> None:
    answer = await client.post(
        "/api/v1/notes", content=b"{", headers=patient | {"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "JSON_INVALID")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/notes", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/notes/not-an-id", 422, "VALIDATION_FAILED"),
    ],
)
async def test_what_is_not_routed_is_a_problem_too(
    client: httpx.AsyncClient,
    patient: dict[str, str],
    method: str,
    path: str,
    status: int,
    code: str,
) -> None:
    answer = await client.request(method, path, headers=patient)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert status != 405 or "GET" in answer.headers["allow"]


@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_may_be_as_large_as_its_row_says(
    client: httpx.AsyncClient, size: int, status: int, *, announced: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * (size // 2)
        yield b"x" * (size - size // 2)

    answer = await client.post(
        "/api/v1/notes/failures/none",
        content=b"x" * size if announced else chunks(),
        headers=ANONYMOUS,
    )
    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "BODY_TOO_LARGE"


def test_an_application_that_does_not_fit_together_does_not_start(kit: Kit) -> None:
    class UntoldReason(Rejection):
        code = "UNTOLD_REASON"

    class TitlelessReason(Rejection):
        code = "TITLELESS_REASON"

    UntoldReason.__module__ = "notes.domain"
    router = APIRouter()

    def thing() -> int:
        return 1

    @router.get("/open")
    async def open_door(thing: Annotated[int, Depends(thing)]) -> None:
        """Nobody guards it."""

    access = AccessTable(Access("unused", {"patient": Ownership.SELF}))
    with pytest.raises(ConfigurationError) as refusal:
        create_app(
            kit, routers=[router], access=access, problems=ProblemTable({TitlelessReason: 409})
        )
    assert set(refusal.value.findings) == {
        "UntoldReason has no row in the table of problems",
        "text problems.TITLELESS_REASON is missing",
        "GET /open is not guarded by one row of the table of access",
        "GET /open: thing is called in a thread; make it async",
        "access row unused guards no route",
    }
    UntoldReason.__module__ = __name__


def test_openapi_names_the_problems_of_each_route(app: FastAPI) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1")
    responses = document["paths"]["/api/v1/notes"]["post"]["responses"]
    examples = responses["409"]["content"]["application/problem+json"]["examples"]
    assert examples.keys() == {"NOTE_CLOSED", "CONCURRENT_CHANGE"}
    assert examples["CONCURRENT_CHANGE"]["value"]["title"] == "The data has just changed, try again"
    assert responses["400"]["description"] == "IDEMPOTENCY_KEY_REQUIRED"
    assert "HTTPValidationError" not in json.dumps(document)
    assert document["paths"]["/api/v1/notes"]["post"]["operationId"] == "write_note"
    assert document["paths"]["/api/v1/notes/{note_id}"]["get"]["x-access"] == {
        "action": "read_note",
        "roles": {"patient": "own", "manager": "tenant"},
        "assurance": "basic",
        "max_body_bytes": 1 << 20,
    }


def test_the_public_document_leaves_internal_routes_out(app: FastAPI) -> None:
    assert openapi_document(app)["x-live"] == ["/api/v1/notes/live", "/api/v1/notes/talk"]
    public = openapi_document(app, public_only=True)
    assert "/api/v1/notes/sync" not in public["paths"]
    assert "/api/v1/notes/sync" in openapi_document(app)["paths"]

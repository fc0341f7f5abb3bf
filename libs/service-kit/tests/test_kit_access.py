"""Who is let in, and as whom."""

import asyncio
import base64
import json
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey

from service_kit.access import Access, AccessTable, Ownership
from service_kit.clock import FixedClock
from service_kit.errors import ConfigurationError, Unavailable
from service_kit.ids import command_id
from service_kit.kit import Kit
from service_kit.testing import (
    ACCOUNT,
    Example,
    Tokens,
    access_walk,
    api_client,
    knock,
    published_keys,
)
from service_kit.tokens import InvalidToken, PublishedKeys, TokenVerifier

PATIENT = UUID("0190b000-0000-7000-8000-000000000001")
OTHER = UUID("0190b000-0000-7000-8000-000000000002")
NOTE = UUID("0190b000-0000-7000-8000-000000000003")
FOREIGN_NOTE = UUID("0190b000-0000-7000-8000-000000000004")
MINE, THEIRS = {"note_id": NOTE}, {"note_id": FOREIGN_NOTE}
EXAMPLES = {
    "read_note": Example(path=MINE, foreign=Example(path=THEIRS)),
    "sign_note": Example(path=MINE, foreign=Example(path=THEIRS)),
    "write_note": Example(json={"text": "x"}),
    "fail_note": Example(path={"kind": "not at all"}),
}


@pytest.mark.requirement("GW-24")
async def test_every_route_answers_everybody_as_declared(app: FastAPI) -> None:
    assert await access_walk(app, EXAMPLES, patient_id=PATIENT, clinician_id=PATIENT) == []


async def test_the_walk_sees_a_route_that_forgets_to_ask_whose_it_is(app: FastAPI) -> None:
    careless = Example(path=MINE, foreign=Example(path=MINE))
    findings = await access_walk(
        app, {**EXAMPLES, "read_note": careless}, patient_id=PATIENT, clinician_id=PATIENT
    )
    assert findings == [
        "GET /api/v1/notes/{note_id} as patient, of another person: answered 200, expected [403, 404]"
    ]


async def test_the_walk_wants_examples(app: FastAPI) -> None:
    findings = await access_walk(app, {}, patient_id=PATIENT, clinician_id=PATIENT)
    assert "read_note: the example's path needs ['note_id']" in findings
    assert "read_note: an example with a foreign thing is needed" in findings


_BOTTOMLESS = base64.urlsafe_b64encode(b'{"kid":"test","x":' + b"[" * 5000).decode()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "TOKEN_REQUIRED"),
        ({"Authorization": "Basic eA=="}, 401, "TOKEN_INVALID"),
        ({"Authorization": "Bearer x.y.z"}, 401, "TOKEN_INVALID"),
        ({"Authorization": "Bearer " + "x" * 9000}, 401, "TOKEN_INVALID"),
        ({"Authorization": f"Bearer {_BOTTOMLESS}.y.z"}, 401, "TOKEN_INVALID"),
    ],
)
async def test_a_call_without_a_good_token_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.get("/api/v1/notes", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_ends_at_its_moment(
    client: httpx.AsyncClient, clock: FixedClock, tokens: Tokens
) -> None:
    headers = tokens.headers("patient", patient_id=PATIENT, lifetime=timedelta(minutes=5))
    statuses = []
    for step in (timedelta(minutes=5) - timedelta(microseconds=1), timedelta(microseconds=1)):
        clock.advance(step)
        statuses.append((await client.get("/api/v1/notes", headers=headers)).status_code)
    assert statuses == [200, 401]


@pytest.mark.requirement("IDN-27")
async def test_a_token_of_an_ended_session_is_refused(app: FastAPI, tokens: Tokens) -> None:
    ended = UUID(int=7)

    class Guard:
        async def has_ended(self, session_id: UUID) -> bool:
            return session_id == ended

    kit = app.state.kit
    app.state.kit = Kit(
        service="notes", clock=kit.clock, texts=kit.texts, tokens=kit.tokens, guard=Guard()
    )
    async with api_client(app) as client:
        lives = await client.get(
            "/api/v1/notes", headers=tokens.headers("patient", patient_id=PATIENT)
        )
        answer = await client.get(
            "/api/v1/notes", headers=tokens.headers("patient", session_id=ended)
        )
    assert lives.status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_ENDED")


async def test_the_tenant_of_a_service_is_named_by_a_header(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    headers = tokens.headers("service", audience="notes", tenant="south")
    answer = await client.post("/api/v1/notes/sync", headers=headers)
    assert answer.json()["text"] == "south"
    assert answer.json()["actor"] == "service:tests"
    del headers["X-Kabinet-Tenant"]
    assert (await client.post("/api/v1/notes/sync", headers=headers)).json()[
        "code"
    ] == "TENANT_REQUIRED"
    headers["X-Kabinet-Tenant"] = "No.Slug"
    assert (await client.post("/api/v1/notes/sync", headers=headers)).json()[
        "code"
    ] == "TENANT_INVALID"


@pytest.mark.parametrize(("service", "status"), [("archive", 200), ("booking", 403)])
async def test_a_route_for_services_may_name_them(
    client: httpx.AsyncClient, tokens: Tokens, service: str, status: int
) -> None:
    headers = tokens.headers("service", audience="notes", service=service)
    answer = await client.post("/api/v1/notes/sync", headers=headers)
    assert answer.status_code == status


async def test_a_route_may_find_the_tenant_out_itself(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/notes/callback")).json() == ["", "south"]


@pytest.mark.requirement("GW-18")
async def test_the_same_key_of_the_same_caller_is_the_same_command(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    def headers(**changes: Any) -> dict[str, str]:
        return tokens.headers("patient", **{"key": "k1", "patient_id": PATIENT, **changes})

    async def command(headers: dict[str, str]) -> str:
        answer = await client.post("/api/v1/notes", json={"text": "x"}, headers=headers)
        return str(answer.json()["command_id"])

    first = await command(headers())
    assert first == str(command_id("north", f"account:{ACCOUNT}", "k1"))
    assert await command(headers()) == first
    assert await command(headers(key="k2")) != first
    assert await command(headers(account_id=OTHER)) != first
    assert await command(headers(tenant="south")) != first


async def test_an_unsafe_call_needs_an_idempotency_key(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    headers = tokens.headers("patient", patient_id=PATIENT)
    codes = [
        (await client.post("/api/v1/notes", json={"text": "x"}, headers=headers | more)).json()[
            "code"
        ]
        for more in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 201})
    ]
    assert codes == [
        "IDEMPOTENCY_KEY_REQUIRED",
        "IDEMPOTENCY_KEY_INVALID",
        "IDEMPOTENCY_KEY_INVALID",
    ]


async def test_a_command_carries_instant_correlation_and_pinned_version(
    client: httpx.AsyncClient, clock: FixedClock, patient: dict[str, str]
) -> None:
    correlation = "0190c000-0000-7000-8000-000000000001"
    answer = await client.post(
        "/api/v1/notes",
        json={"text": "x"},
        headers=patient | {"X-Correlation-Id": correlation, "If-Match": '"4"'},
    )
    shown = answer.json()
    assert shown["now"] == clock.now().isoformat()
    assert shown["expected_revision"] == 4
    assert shown["correlation"] == answer.headers["x-correlation-id"] == correlation
    assert shown["actor"] == f"account:{ACCOUNT}"
    assert answer.headers["etag"] == '"3"'


@pytest.mark.parametrize("version", ["4", '"x"', '"-1"', '""', '"٣"'])
async def test_a_version_that_is_none_is_refused(
    client: httpx.AsyncClient, patient: dict[str, str], version: str
) -> None:
    headers = {name.encode(): value.encode() for name, value in patient.items()}
    answer = await client.post(
        "/api/v1/notes", json={"text": "x"}, headers=headers | {b"If-Match": version.encode()}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "VERSION_INVALID")


async def test_the_role_that_reaches_furthest_counts(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get(f"/api/v1/notes/{FOREIGN_NOTE}", headers=tokens.headers("manager"))
    assert answer.json()["role"] == "manager"


async def _socket(
    app: FastAPI, headers: dict[str, str], *, query: bytes = b"", denial: bool = True
) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/api/v1/notes/live",
        "raw_path": b"/api/v1/notes/live",
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}} if denial else {},
    }
    await app(scope, receive, send)
    return sent


async def test_a_websocket_passes_the_same_door(app: FastAPI, tokens: Tokens) -> None:
    accepted = await _socket(app, tokens.headers("patient", patient_id=PATIENT))
    assert [message["type"] for message in accepted] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert accepted[1]["text"] == f"account:{ACCOUNT}"
    refused = await _socket(app, {})
    assert len(refused) == 2
    assert refused[0]["status"] == 401
    assert json.loads(refused[1]["body"])["code"] == "TOKEN_REQUIRED"


async def test_a_websocket_that_cannot_be_answered_is_closed(app: FastAPI, tokens: Tokens) -> None:
    assert await _socket(app, {}, denial=False) == [
        {"type": "websocket.close", "code": 1008, "reason": "TOKEN_REQUIRED"}
    ]
    failed = await _socket(app, tokens.headers("patient", patient_id=PATIENT), query=b"then=fail")
    assert failed[-1] == {"type": "websocket.close", "code": 1008, "reason": "NOTE_CLOSED"}
    assert len(failed) == 3


async def test_a_websocket_can_be_shown_the_token_in_a_frame(app: FastAPI, tokens: Tokens) -> None:
    async def talk(token: str, **query: str) -> int:
        hello = {"kind": "hello", "token": token}
        return await knock(app, "/api/v1/notes/talk", {}, query=query, frame=hello)

    assert await talk(tokens.mint("patient", patient_id=PATIENT)) == 101
    assert await talk(tokens.mint("manager")) == 403
    assert await talk("") == 401
    assert await talk(tokens.mint("patient", forged=True)) == 401
    assert await talk(tokens.mint("patient"), note=str(FOREIGN_NOTE)) == 409


def test_a_token_in_a_frame_must_be_declared() -> None:
    table = AccessTable(Access("talk", {"patient": Ownership.SELF}))
    with pytest.raises(ConfigurationError):
        table.allow_in_frame("talk")


def test_the_table_documents_itself(app: FastAPI) -> None:
    table = AccessTable(
        Access("read_note", {"patient": Ownership.OWN, "manager": Ownership.TENANT})
    )
    assert "| `read_note` | patient (own), manager (tenant) | basic |" in table.markdown()


@pytest.mark.requirement("GW-25")
def test_a_captcha_is_in_the_table_and_for_strangers_with_a_key_only() -> None:
    anybody = {"anonymous": Ownership.TENANT}
    table = AccessTable(Access("send_code", anybody, captcha=True))
    assert "| `send_code` | anonymous (tenant, with a captcha) | basic |" in table.markdown()
    for wrong in (
        {"roles": {"patient": Ownership.SELF}},
        {"roles": anybody, "idempotency_key": False},
    ):
        with pytest.raises(ConfigurationError):
            Access("send_code", captcha=True, **wrong)


def test_callers_are_services() -> None:
    with pytest.raises(ConfigurationError):
        Access("x", {"patient": Ownership.SELF}, callers=frozenset({"ops"}))


def test_a_table_refuses_unknown_roles_and_second_rows() -> None:
    with pytest.raises(ConfigurationError):
        Access("a", {"king": Ownership.TENANT})
    row = Access("a", {"patient": Ownership.SELF})
    with pytest.raises(ConfigurationError):
        AccessTable(row, row)
    with pytest.raises(ConfigurationError):
        AccessTable(row).allow("b")


class _Issuer:
    """An issuer whose published document a test can change."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = published_keys()
        self.asked = 0
        self.down = False

    async def fetch(self) -> dict[str, Any]:
        self.asked += 1
        if self.down:
            raise httpx.ConnectError("down")
        return self.document


async def test_published_keys_are_asked_for_once(clock: FixedClock, tokens: Tokens) -> None:
    issuer = _Issuer()
    verifier = TokenVerifier(service="notes", keys=PublishedKeys(issuer.fetch), clock=clock)
    await asyncio.gather(*(verifier.verify(tokens.mint("patient")) for _ in range(20)))
    assert issuer.asked == 1


async def test_a_rotated_key_is_found_and_a_forged_id_is_not_asked_for_each_time() -> None:
    issuer = _Issuer()
    keys = PublishedKeys(issuer.fetch, min_age=0.0)
    await keys.key("test")
    issuer.document = {
        "keys": [
            *published_keys()["keys"],
            ECKey.generate_key("P-256", {"kid": "new"}).as_dict(private=False),
        ]
    }
    assert (await keys.key("new")).kid == "new"
    slow = PublishedKeys(issuer.fetch, min_age=60.0)
    await slow.key("test")
    asked = issuer.asked
    for _ in range(3):
        with pytest.raises(InvalidToken):
            await slow.key("forged")
    assert issuer.asked == asked


async def test_without_identity_known_keys_are_used_and_unknown_are_unavailable() -> None:
    issuer = _Issuer()
    keys = PublishedKeys(issuer.fetch, max_age=0.0, min_age=0.0)
    issuer.down = True
    with pytest.raises(Unavailable):
        await keys.key("test")
    issuer.down = False
    await asyncio.sleep(0.21)
    await keys.key("test")
    issuer.down = True
    assert (await keys.key("test")).kid == "test"

"""For tests of services: tokens of a test issuer, a client without a network, the walk over the access table."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from string import Formatter
from typing import Any, Final
from uuid import UUID

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocketDisconnect

from service_kit.access import ROLES, TENANT_HEADER, Access, Ownership
from service_kit.clock import Clock, FixedClock
from service_kit.ids import new_id
from service_kit.kit import Kit
from service_kit.routes import GuardedRoute, guarded_routes
from service_kit.run import service_texts
from service_kit.texts import Texts
from service_kit.tokens import ISSUER, PUBLIC_AUDIENCE, InvalidToken, TokenVerifier

__all__ = ["Example", "FixedClock", "Tokens", "access_walk", "api_client", "knock", "make_kit"]

_KEY: Final = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})
_FORGED: Final = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})
ACCOUNT: Final = UUID("0190a000-0000-7000-8000-000000000001")
SESSION: Final = UUID("0190a000-0000-7000-8000-000000000002")


class _TestKeys:
    """The key source that knows the test issuer's key."""

    async def key(self, key_id: str) -> ECKey:
        """The test key."""
        if key_id != "test":
            raise InvalidToken("unknown key")
        return _KEY


def make_kit(
    service: str,
    *,
    clock: Clock | None = None,
    texts: Texts | None = None,
    package: str | None = None,
) -> Kit:
    """A kit as the run loop makes it, but with a clock that stands still and the test issuer's key."""
    clock = clock or FixedClock()
    return Kit(
        service=service,
        clock=clock,
        texts=texts or service_texts(package or service.replace("-", "_")),
        tokens=TokenVerifier(service=service, keys=_TestKeys(), clock=clock),
    )


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mints what a kit of `make_kit` with the same clock accepts."""

    clock: Clock

    def mint(
        self,
        role: str,
        *,
        tenant: str | None = "north",
        account_id: UUID = ACCOUNT,
        patient_id: UUID | None = None,
        clinician_id: UUID | None = None,
        session_id: UUID = SESSION,
        assurance: str = "basic",
        language: str | None = None,
        service: str = "tests",
        audience: str = PUBLIC_AUDIENCE,
        lifetime: timedelta = timedelta(minutes=5),
        forged: bool = False,
    ) -> str:
        """A token of an account with one role, or (`role="service"`) of a service for `audience`."""
        now = int(self.clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        if role == "service":
            claims |= {"sub": f"service:{service}", "roles": ["service"]}
        else:
            optional = {
                "patient_id": patient_id and str(patient_id),
                "clinician_id": clinician_id and str(clinician_id),
                "lang": language,
            }
            claims |= {
                "sub": str(account_id),
                "tenant": tenant,
                "roles": [role],
                "aal": assurance,
                "sid": str(session_id),
            } | {name: value for name, value in optional.items() if value is not None}
        return jwt.encode(
            {"alg": "ES256", "kid": "test"}, claims, _FORGED if forged else _KEY, ["ES256"]
        )

    def headers(
        self, role: str, *, key: str | None = None, tenant: str = "north", **claims: Any
    ) -> dict[str, str]:
        """Headers of a call: token (none for "anonymous"), tenant where the token has none, `Idempotency-Key`."""
        sent = (
            {}
            if role == "anonymous"
            else {"Authorization": f"Bearer {self.mint(role, tenant=tenant, **claims)}"}
        )
        if role in ("anonymous", "service"):
            sent[TENANT_HEADER] = tenant
        if key is not None:
            sent["Idempotency-Key"] = key
        return sent


def published_keys() -> dict[str, Any]:
    """The key set document that identity would publish for the test issuer."""
    return {"keys": [_KEY.as_dict(private=False)]}


@asynccontextmanager
async def api_client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client that calls `app` in this process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request that the caller of the walk may make; `foreign` is the same for another person's thing."""

    path: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    foreign: "Example | None" = None


@dataclass(frozen=True, slots=True)
class _Step:
    label: str
    example: Example
    headers: Mapping[str, str]
    expected: frozenset[int] | None
    """The statuses that are right; None: let in."""
    refused: frozenset[int] = frozenset({401, 403})
    """When let in: the statuses that are wrong all the same."""


_HIDDEN: Final = frozenset({403, 404})


async def access_walk(
    app: FastAPI,
    examples: Mapping[str, Example],
    *,
    tenant: str = "north",
    account_id: UUID = ACCOUNT,
    patient_id: UUID | None = None,
    clinician_id: UUID | None = None,
) -> list[str]:
    """Call every route as everybody and say where an answer is not what the access table declares.

    Each role, without a token, with an expired and a forged one, one for another audience and one of another
    tenant; own and foreign things; too little assurance; a service that is not among the callers; lists with cursors
    that nobody gave out. `examples` by
    action; a route with parameters in its path needs one, a row with `Ownership.OWN` one with `foreign`. All refusals
    are tried before anything is let in.
    """
    kit: Kit = app.state.kit
    walker = _Walker(
        Tokens(kit.clock),
        kit.service,
        tenant,
        {"account_id": account_id, "patient_id": patient_id, "clinician_id": clinician_id},
    )
    findings: list[str] = []
    admissions: list[tuple[GuardedRoute, _Step]] = []
    async with api_client(app) as client:
        for route in guarded_routes(app):
            access = route.guards[0]
            example = examples.get(access.action, Example())
            lacking = _lacking(route, access, example)
            findings += lacking
            if lacking:
                continue
            for step in walker.steps(route, access, example):
                if step.expected is None:
                    admissions.append((route, step))
                else:
                    findings += await _take(app, client, route, step)
        paged = _paged(app)
        for route, step in admissions:
            findings += await _take(app, client, route, step)
            if (route.method, route.path) in paged:
                findings += await _turn_to_no_page(client, route, step)
    return findings


def _lacking(route: GuardedRoute, access: Access, example: Example) -> list[str]:
    names = {name for _, name, _, _ in Formatter().parse(route.path) if name is not None}
    lacking = (
        []
        if names == example.path.keys()
        else [f"{access.action}: the example's path needs {sorted(names)}"]
    )
    if Ownership.OWN in access.roles.values() and example.foreign is None:
        lacking.append(f"{access.action}: an example with a foreign thing is needed")
    return lacking


@dataclass(frozen=True, slots=True)
class _Walker:
    tokens: Tokens
    service: str
    tenant: str
    claims: Mapping[str, UUID | None]

    def steps(self, route: GuardedRoute, access: Access, example: Example) -> Iterable[_Step]:
        """Everything to try on one route."""
        granted = access.roles
        public = "anonymous" in granted
        yield _Step(
            "without a token",
            example,
            self._bearing("anonymous"),
            None if public else frozenset({401}),
        )
        if granted.keys() == {"anonymous"}:
            return
        yield from self._bad_tokens(access, example)
        for role in sorted(ROLES - {"anonymous"}):
            if role in granted:
                yield from self._granted(role, route, access, example)
            else:
                expected = None if public else frozenset({403})
                yield _Step(f"as {role}", example, self._bearing(role, access), expected)

    def _bad_tokens(self, access: Access, example: Example) -> Iterable[_Step]:
        role = next(role for role in sorted(access.roles) if role != "anonymous")
        unauthorized = frozenset({401})
        for label, claims in (
            ("with an expired token", {"lifetime": timedelta(0)}),
            ("with a forged token", {"forged": True}),
            ("with a token for another service", {"audience": "elsewhere"}),
        ):
            yield _Step(label, example, self._bearing(role, access, **claims), unauthorized)

    def _granted(
        self, role: str, route: GuardedRoute, access: Access, example: Example
    ) -> Iterable[_Step]:
        headers = self._bearing(role, access)
        own = access.roles[role] is Ownership.OWN
        refused = frozenset({401, 403, 404}) if own else frozenset({401, 403})
        yield _Step(f"as {role}", example, headers, None, refused)
        if own and example.foreign is not None:
            yield _Step(f"as {role}, of another person", example.foreign, headers, _HIDDEN)
        if role == "service":
            if access.callers:
                stranger = self._bearing(role, access, service="stranger")
                yield _Step("as another service", example, stranger, frozenset({403}))
            return
        yield _Step(
            f"as {role}, naming another tenant",
            example,
            {**headers, TENANT_HEADER: "elsewhere"},
            frozenset({403}),
        )
        if "{" in route.path:
            elsewhere = {**self._bearing(role, access, tenant="elsewhere")}
            yield _Step(f"as {role} of another tenant", example, elsewhere, _HIDDEN)
        if access.assurance == "confirmed":
            basic = self._bearing(role, access, assurance="basic")
            yield _Step(f"as {role} with basic assurance", example, basic, frozenset({403}))

    def _bearing(self, role: str, access: Access | None = None, **claims: Any) -> dict[str, str]:
        given: dict[str, Any] = {"tenant": self.tenant, **claims}
        if role == "service":
            given.setdefault("audience", self.service)
            if access is not None and access.callers:
                given.setdefault("service", min(access.callers))
        elif role != "anonymous":
            given = {
                **self.claims,
                "assurance": "basic" if access is None else access.assurance,
                **given,
            }
        return self.tokens.headers(role, key=str(new_id()), **given)


async def _take(
    app: FastAPI, client: httpx.AsyncClient, route: GuardedRoute, step: _Step
) -> list[str]:
    path = route.path.format_map({name: str(value) for name, value in step.example.path.items()})
    headers = {**step.example.headers, **step.headers}
    if route.method == "WS" and route.guards[0].token_in_frame:
        token = headers.pop("Authorization", "").removeprefix("Bearer ")
        hello = {"kind": "hello", "token": token, "last_seen": 0}
        status = await knock(app, path, headers, query=step.example.query, frame=hello)
    elif route.method == "WS":
        status = await knock(app, path, headers, query=step.example.query)
    else:
        answer = await client.request(
            route.method,
            path,
            params=dict(step.example.query),
            json=step.example.json,
            headers=headers,
        )
        status = answer.status_code
    right = status not in step.refused if step.expected is None else status in step.expected
    if right and status < 500:
        return []
    wanted = "to be let in" if step.expected is None else f"{sorted(step.expected)}"
    return [f"{route.method} {route.path} {step.label}: answered {status}, expected {wanted}"]


def _paged(app: FastAPI) -> set[tuple[str, str]]:
    """The routes whose lists come in pages."""
    return {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        if any(each["name"] == "cursor" for each in operation.get("parameters", ()))
    }


_NO_VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    -1,
    1 << 70,
    [],
    "",
    "\0",
    "2026-12-01T10:00:00",
    "9999-12-31T23:59:59-23:59",
)


async def _turn_to_no_page(
    client: httpx.AsyncClient, route: GuardedRoute, step: _Step
) -> list[str]:
    """A cursor that says nothing, and each value of a real one made wrong: none is a server's error."""
    path = route.path.format_map({name: str(value) for name, value in step.example.path.items()})

    async def turn(**params: str) -> httpx.Response:
        headers = {**step.example.headers, **step.headers}
        asked = {**step.example.query, **params}
        return await client.request(route.method, path, params=asked, headers=headers)

    def label(cursor: Mapping[str, Any]) -> str:
        return f"{route.method} {route.path} {step.label} with the cursor {cursor}"

    empty = await turn(cursor=_cursor({}))
    findings = (
        []
        if empty.status_code == 400 and empty.json()["code"] == "CURSOR_INVALID"
        else [f"{label({})}: answered {empty.status_code}, expected 400 CURSOR_INVALID"]
    )
    first = await turn(limit="1")
    real = first.json().get("next") if first.status_code == 200 else None
    if real is None:
        return findings
    values = json.loads(base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)))
    for name in values if isinstance(values, dict) else ():
        for wrong in _NO_VALUES:
            cursor = {**values, name: wrong}
            answer = await turn(cursor=_cursor(cursor))
            if answer.status_code >= 500:
                findings.append(f"{label(cursor)}: answered {answer.status_code}")
    return findings


def _cursor(values: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


async def knock(
    app: FastAPI,
    path: str,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, Any] | None = None,
    frame: Mapping[str, object] | None = None,
) -> int:
    """Open a WebSocket and leave at once: 101 when let in, else the status of the refusal.

    With `frame`, which shows the token, the refusal is the `status` of a first frame of the kind "problem".
    """
    statuses: list[int] = []
    arrivals = iter(
        [
            {"type": "websocket.connect"},
            *([{"type": "websocket.receive", "text": json.dumps(frame)}] if frame else []),
        ]
    )

    async def receive() -> Message:
        return next(arrivals, {"type": "websocket.disconnect", "code": 1001})

    async def send(message: Message) -> None:
        if message["type"] == "websocket.accept" and frame is None:
            statuses.append(101)
        elif message["type"] == "websocket.send" and frame is not None:
            told = json.loads(message["text"])
            statuses.append(told["status"] if told["kind"] == "problem" else 101)
        elif message["type"] == "websocket.http.response.start":
            statuses.append(message["status"])
        elif message["type"] == "websocket.close":
            statuses.append(403)

    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": str(httpx.QueryParams(dict(query or {}))).encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    with contextlib.suppress(WebSocketDisconnect):
        await app(scope, receive, send)
    return statuses[0] if statuses else 500

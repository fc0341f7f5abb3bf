"""The door against a real service process' HTTP and a real PostgreSQL."""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import uvicorn
from aiohttp import ClientSession, WSMsgType
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection, serve

from gateway.adapters.kept_answers import KeptAnswers
from gateway.adapters.upstream import Upstream
from gateway.api.description import merged
from gateway.api.door import Door, Limits
from gateway.api.live import LiveDoor
from gateway.bootstrap import build_app, open_gateway
from gateway.routing import RoutingTable, load_documents
from gateway.settings import gateway_settings
from service_kit.database import migrate, open_pool
from service_kit.kit import Kit
from service_kit.testing import FixedClock, Tokens, api_client, make_kit

pytestmark = pytest.mark.integration

PATIENT = UUID(int=7)


def operation(
    name: str, role: str = "patient", *, key: bool = False, most: int | None = None
) -> Any:
    limit = {} if most is None else {"max_body_bytes": most}
    return {
        "operationId": name,
        "x-access": {"roles": {role: "own"}, **limit},
        "parameters": [{"name": "Idempotency-Key", "in": "header", "required": key}],
        "responses": {},
    }


DOCUMENTS = {
    "booking": {
        "paths": {
            "/api/v1/appointments": {"post": operation("request", key=True)},
            "/api/v1/appointments/{id}": {"get": operation("read")},
            "/api/v1/uploads": {"post": operation("upload", most=3 << 20)},
            "/api/v1/callbacks/{tenant}": {
                "post": {**operation("called_back", "anonymous"), "tags": ["callbacks"]}
            },
            "/api/v1/files": {"get": operation("download")},
            "/api/v1/sessions": {"post": operation("sign_in", "anonymous")},
            "/api/v1/sessions/current": {"delete": operation("sign_out", "patient")},
            "/api/v1/slow": {"post": operation("slow", key=True)},
            "/api/v1/broken": {"post": operation("broken", key=True)},
            "/api/v1/undecided": {"post": operation("undecided", key=True)},
            "/api/v1/gone": {"get": operation("gone")},
        },
        "x-live": ["/api/v1/rooms/{id}/live"],
    }
}


class BookingStub:
    """A service that counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.seen: list[Request] = []
        self.go_on = asyncio.Event()
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()

    async def request(self, request: Request) -> Response:
        self.calls += 1
        self.seen.append(request)
        body = await request.body()
        return Response(
            body,
            201,
            {"Kabinet-Position": "booking:0a", "X-Call": str(self.calls)},
            "application/json",
        )

    async def upload(self, request: Request) -> Response:
        size = sum([len(chunk) async for chunk in request.stream()])
        return JSONResponse({"size": size}, 201)

    async def sign_out(self, request: Request) -> Response:
        return Response(status_code=204 if "x-late" not in request.headers else 503)

    async def slow(self, _request: Request) -> Response:
        self.calls += 1
        self.arrived.set()
        await self.go_on.wait()
        return JSONResponse({"call": self.calls})

    async def broken(self, _request: Request) -> Response:
        self.calls += 1
        return JSONResponse({"call": self.calls}, 503 if self.calls == 1 else 200)

    async def undecided(self, _request: Request) -> Response:
        self.calls += 1
        return JSONResponse({"call": self.calls}, 202 if self.calls == 1 else 200)

    async def read(self, request: Request) -> Response:
        self.seen.append(request)
        return JSONResponse({"id": request.path_params["id"]}, 404)

    async def download(self, _request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * 65536

        return StreamingResponse(chunks(), media_type="application/pdf")

    async def live(self, socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            if text == "bye":
                await socket.close(4001)
                return
            if text == "talk":
                await self.talk_on(socket)
            await socket.send_text(f"echo {text}")

    async def talk_on(self, socket: WebSocket) -> None:
        try:
            while True:
                await socket.send_text("and another thing")
                await asyncio.sleep(0)
        finally:
            self.left.set()

    def app(self) -> ASGIApp:
        return Starlette(
            routes=[
                Route("/api/v1/appointments", self.request, methods=["POST"]),
                Route("/api/v1/sessions", self.request, methods=["POST"]),
                Route("/api/v1/uploads", self.upload, methods=["POST"]),
                Route("/api/v1/callbacks/{tenant}", self.request, methods=["POST"]),
                Route("/api/v1/sessions/current", self.sign_out, methods=["DELETE"]),
                Route("/api/v1/slow", self.slow, methods=["POST"]),
                Route("/api/v1/broken", self.broken, methods=["POST"]),
                Route("/api/v1/undecided", self.undecided, methods=["POST"]),
                Route("/api/v1/appointments/{id}", self.read),
                Route("/api/v1/files", self.download),
                WebSocketRoute("/api/v1/rooms/{id}/live", self.live),
            ]
        )


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=0,
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
            proxy_headers=False,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


class RememberedEnds:
    """A guard that knows of the sign-outs that passed here."""

    def __init__(self) -> None:
        self.until: dict[UUID, datetime] = {}

    async def has_ended(self, session_id: UUID) -> bool:
        return session_id in self.until

    def end(self, session_id: UUID, until: datetime) -> None:
        self.until[session_id] = until


class Suite:
    """A gateway before a stub."""

    def __init__(self, kit: Kit, clock: FixedClock, url: str, stub: BookingStub, pool: Any) -> None:
        self.kit, self.clock, self.url, self.stub, self.pool = kit, clock, url, stub, pool
        self.tokens = Tokens(clock)

    def headers(self, key: str | None = None, *, tenant: str = "north") -> dict[str, str]:
        return self.tokens.headers(
            "patient", tenant=tenant, patient_id=PATIENT, account_id=PATIENT, key=key
        )


@pytest.fixture
async def suite(database: str) -> AsyncIterator[Suite]:
    stub, guard = BookingStub(), RememberedEnds()
    kit = dataclasses.replace(make_kit("gateway"), guard=guard)
    assert isinstance(kit.clock, FixedClock)
    async with (
        open_pool(database, application_name="test") as pool,
        served(stub.app()) as booking,
        Upstream.open({"booking": booking}, answer_seconds=5) as upstream,
    ):
        await migrate(pool, "gateway")
        table = RoutingTable(DOCUMENTS)
        limits = Limits.per_minute(MovingWindowRateLimiter(MemoryStorage()), reads=5, writes=2)
        door = Door(
            kit=kit,
            table=table,
            upstream=upstream,
            answers=KeptAnswers(pool),
            limits=limits,
            signed_out=guard.end,
        )
        app = build_app(kit, door, LiveDoor(table=table, upstream=upstream), merged(DOCUMENTS))
        async with served(app) as url:
            yield Suite(kit, kit.clock, url, stub, pool)


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=suite.url) as client:
        yield client


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


async def test_a_stranger_does_not_decide_which_traces_are_sampled(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    strangers = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = suite.headers("k") | {"traceparent": strangers}
    await client.get("/api/v1/appointments/7", headers=headers)
    _, trace, _, flags = suite.stub.seen[-1].headers["traceparent"].split("-")
    assert trace != strangers.split("-")[1]
    assert flags == "00"


@pytest.mark.requirement("GW-18")
async def test_a_repeat_gets_the_first_answer(suite: Suite, client: httpx.AsyncClient) -> None:
    first = await client.post("/api/v1/appointments", json={"a": 1}, headers=suite.headers("k"))
    again = await client.post("/api/v1/appointments", json={"a": 1}, headers=suite.headers("k"))

    assert first.status_code == again.status_code == 201
    assert again.json() == {"a": 1}
    assert again.headers["x-call"] == "1"
    assert again.headers["kabinet-position"] == "booking:0a"
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert suite.stub.calls == 1


@pytest.mark.requirement("GW-18")
async def test_requests_that_meet_keep_each_its_own_answer(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    async def ask(number: int) -> httpx.Response:
        headers = suite.headers(f"k{number}")
        return await client.post("/api/v1/appointments", json={"a": number}, headers=headers)

    firsts = await asyncio.gather(*map(ask, range(100)))
    assert suite.stub.calls == 100
    agains = await asyncio.gather(*map(ask, range(100)))
    assert suite.stub.calls == 100
    for number, (first, again) in enumerate(zip(firsts, agains, strict=True)):
        assert first.json() == again.json() == {"a": number}
        assert again.headers["x-call"] == first.headers["x-call"]
        assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.requirement("GW-18")
async def test_of_equal_requests_that_meet_one_is_carried_out(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(
        *(client.post("/api/v1/appointments", json={}, headers=suite.headers("k")) for _ in "1234")
    )
    assert suite.stub.calls == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}


@pytest.mark.requirement("GW-18")
async def test_a_key_belongs_to_one_request(suite: Suite, client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/appointments", json={"a": 1}, headers=suite.headers("k"))
    other = await client.post("/api/v1/appointments", json={"a": 2}, headers=suite.headers("k"))
    assert (other.status_code, code(other)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert suite.stub.calls == 1


async def test_keys_of_two_clinics_have_nothing_to_do_with_each_other(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    for tenant in ("north", "south"):
        answer = await client.post(
            "/api/v1/appointments", json={}, headers=suite.headers("k", tenant=tenant)
        )
        assert "idempotency-replayed" not in answer.headers
    assert suite.stub.calls == 2


async def test_a_repeat_during_the_first_has_to_wait(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    first = asyncio.create_task(client.post("/api/v1/slow", headers=suite.headers("k")))
    await suite.stub.arrived.wait()
    meanwhile = await client.post("/api/v1/slow", headers=suite.headers("k"))
    assert (meanwhile.status_code, code(meanwhile)) == (409, "REQUEST_IN_FLIGHT")
    assert meanwhile.headers["retry-after"] == "1"
    suite.stub.go_on.set()
    assert (await first).json() == {"call": 1}


@pytest.mark.parametrize(("seconds", "calls"), [(19, 1), (20, 1), (21, 2)])
async def test_a_request_of_a_dead_gateway_is_taken_over_after_twenty_seconds(
    suite: Suite, client: httpx.AsyncClient, seconds: int, calls: int
) -> None:
    abandoned = asyncio.create_task(client.post("/api/v1/slow", headers=suite.headers("k")))
    await suite.stub.arrived.wait()
    suite.clock.advance(timedelta(seconds=seconds))
    second = asyncio.create_task(client.post("/api/v1/slow", headers=suite.headers("k")))
    await asyncio.sleep(0.3)
    suite.stub.go_on.set()
    await asyncio.gather(abandoned, second)
    assert suite.stub.calls == calls


async def test_an_outage_is_not_an_answer(suite: Suite, client: httpx.AsyncClient) -> None:
    first = await client.post("/api/v1/broken", headers=suite.headers("k"))
    again = await client.post("/api/v1/broken", headers=suite.headers("k"))
    assert (first.status_code, again.status_code) == (503, 200)


async def test_what_is_not_decided_yet_may_be_asked_again_with_the_same_key(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    answers = [await client.post("/api/v1/undecided", headers=suite.headers("k")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert suite.stub.calls == 2


async def test_kept_answers_cannot_be_read_without_the_key(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    secret = {"diagnosis": "J06.9 острая инфекция"}
    await client.post("/api/v1/appointments", json=secret, headers=suite.headers("k-private"))
    stored = b"".join(
        bytes(value)
        for row in await suite.pool.fetch("SELECT id, request, answer FROM kept_answers")
        for value in row.values()
    )
    for trace in (b"diagnosis", b"J06.9", b"k-private", "инфекция".encode()):
        assert trace not in stored


async def test_what_was_asked_cannot_be_guessed_from_kept_answers(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    """A code or a pass phrase in a body has few enough values to try them all."""
    body = b'{"code":"123456"}'
    await client.post("/api/v1/appointments", content=body, headers=suite.headers("k-private"))
    digest = hashlib.sha256(b"POST /api/v1/appointments?" + body).digest()
    assert await suite.pool.fetchval("SELECT count(*) FROM kept_answers") == 1
    assert (
        await suite.pool.fetchval("SELECT count(*) FROM kept_answers WHERE request = $1", digest)
        == 0
    )


async def test_old_answers_are_pruned(suite: Suite, client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/appointments", json={}, headers=suite.headers("k"))
    answers = KeptAnswers(suite.pool)
    now = suite.clock.now()
    assert await answers.prune(now) == 0
    assert await answers.prune(now + timedelta(microseconds=1)) == 1


@pytest.mark.requirement("GW-17")
@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/internal/keys/1", 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/appointments", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/appointments/1", 401, "TOKEN_REQUIRED"),
    ],
)
async def test_what_is_not_to_be_had_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, status: int, expected: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, code(answer)) == (status, expected)
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]


async def test_an_expired_token_is_refused_at_the_door(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    headers = suite.headers()
    suite.clock.advance(timedelta(days=1))
    answer = await client.get("/api/v1/appointments/1", headers=headers)
    assert (answer.status_code, code(answer)) == (401, "TOKEN_INVALID")
    assert suite.stub.seen == []


@pytest.mark.requirement("IDN-27")
async def test_a_token_is_refused_from_the_answer_to_its_sign_out_on(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    headers, path = suite.headers(), "/api/v1/sessions/current"
    failed = await client.delete(path, headers={**headers, "X-Late": "1"})
    assert failed.status_code == 503
    assert (await client.get("/api/v1/appointments/1", headers=headers)).status_code == 404
    assert (await client.delete(path, headers=headers)).status_code == 204
    answer = await client.get("/api/v1/appointments/1", headers=headers)
    assert (answer.status_code, code(answer)) == (401, "SESSION_ENDED")


@pytest.mark.requirement("GW-25")
async def test_strangers_are_bounded_and_told_when_to_come_back(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/api/v1/sessions", json={}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert code(answers[-1]) == "RATE_LIMITED"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.requirement("GW-25")
async def test_an_account_does_not_buy_more_sign_ins(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    answers = [
        await client.post("/api/v1/sessions", json={}, headers=suite.headers()) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 429]


async def test_a_provider_that_tells_of_many_payments_is_heard(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/api/v1/callbacks/north", json={}) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {201}


async def test_the_service_sees_what_it_needs_and_no_forged_address(
    suite: Suite, client: httpx.AsyncClient
) -> None:
    correlation = str(UUID(int=99))
    forged = {"X-Forwarded-For": "10.0.0.1", "X-Correlation-Id": correlation}
    answer = await client.get(
        "/api/v1/appointments/1?full=yes", headers={**suite.headers(), **forged}
    )
    seen = suite.stub.seen[0]
    assert answer.status_code == 404
    assert seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["x-correlation-id"] == correlation
    assert seen.headers["authorization"].startswith("Bearer ")
    assert seen.url.query == "full=yes"


async def test_a_large_file_streams_through(suite: Suite, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/api/v1/files", headers=suite.headers()) as answer:
        size = sum([len(chunk) async for chunk in answer.aiter_bytes()])
    assert size == 64 * 65536
    assert answer.headers["content-type"] == "application/pdf"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/api/v1/uploads", 3 << 20, 201),
        ("/api/v1/uploads", (3 << 20) + 1, 413),
        ("/api/v1/appointments", (1 << 20) + 1, 413),
    ],
)
async def test_a_body_is_bounded_by_what_the_service_says_of_its_route(
    suite: Suite, client: httpx.AsyncClient, path: str, size: int, status: int
) -> None:
    answer = await client.post(path, content=b"x" * size, headers=suite.headers("k"))
    assert answer.status_code == status


async def test_an_unreachable_service_is_unavailable(
    suite: Suite, client: httpx.AsyncClient, database: str
) -> None:
    async with (
        asyncpg.create_pool(database) as pool,
        Upstream.open({"booking": "http://127.0.0.1:9"}, answer_seconds=1) as upstream,
    ):
        table = RoutingTable(DOCUMENTS)
        limits = Limits.per_minute(MovingWindowRateLimiter(MemoryStorage()), reads=5, writes=2)
        door = Door(
            kit=suite.kit, table=table, upstream=upstream, answers=KeptAnswers(pool), limits=limits
        )
        app = build_app(suite.kit, door, LiveDoor(table=table, upstream=upstream), b'{"paths": {}}')
        async with served(app) as url, httpx.AsyncClient(base_url=url) as lonely:
            answer = await lonely.get("/api/v1/appointments/1", headers=suite.headers())
    assert (answer.status_code, code(answer)) == (503, "UNAVAILABLE")


@pytest.mark.requirement("OPS-16")
async def test_a_gateway_that_cannot_know_who_signed_out_is_not_ready(database: str) -> None:
    nowhere = {f"{service}_url": "http://127.0.0.1:9" for service in load_documents()}
    secrets = {"database_url": database, "service_secret": "s", "captcha_secret": "s"}
    settings = gateway_settings().model_validate({"port": 0, **secrets, **nowhere})
    async with (
        open_gateway(settings, make_kit("gateway")) as parts,
        api_client(parts.api) as client,
    ):
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "sessions": "Unavailable"}


async def test_live_frames_pass_both_ways_and_the_end_is_passed_on(suite: Suite) -> None:
    async with (
        ClientSession() as session,
        session.ws_connect(f"{suite.url}/api/v1/rooms/1/live") as socket,
    ):
        await socket.send_str("привет")
        assert (await socket.receive(timeout=5)).data == "echo привет"
        await socket.send_str("bye")
        end = await socket.receive(timeout=5)
        assert end.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert socket.close_code == 4001


async def test_a_client_that_leaves_in_the_middle_is_no_failure(suite: Suite) -> None:
    with capture_logs() as logs:
        async with ClientSession() as session:
            socket = await session.ws_connect(f"{suite.url}/api/v1/rooms/1/live")
            await socket.send_str("talk")
            await socket.receive(timeout=5)
        async with asyncio.timeout(5):
            await suite.stub.left.wait()
        await asyncio.sleep(0.1)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []


async def test_a_service_that_dies_ends_its_live_channels_with_come_again(suite: Suite) -> None:
    async def die(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async with serve(die, "127.0.0.1", 0) as dying:
        address = f"http://127.0.0.1:{next(iter(dying.sockets)).getsockname()[1]}"
        async with Upstream.open({"booking": address}, answer_seconds=5) as upstream:
            table = RoutingTable(DOCUMENTS)
            limits = Limits.per_minute(MovingWindowRateLimiter(MemoryStorage()), reads=5, writes=2)
            door = Door(
                kit=suite.kit,
                table=table,
                upstream=upstream,
                answers=KeptAnswers(suite.pool),
                limits=limits,
            )
            live = LiveDoor(table=table, upstream=upstream)
            async with (
                served(build_app(suite.kit, door, live, b'{"paths": {}}')) as url,
                ClientSession() as session,
                session.ws_connect(f"{url}/api/v1/rooms/1/live") as socket,
            ):
                await socket.send_str("привет")
                await socket.receive(timeout=5)
                assert socket.close_code == 1013

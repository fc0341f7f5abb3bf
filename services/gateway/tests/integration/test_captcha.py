"""What strangers have to solve, at the door: which requests, when, how often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import altcha
import asyncpg
import httpx
import pytest
import uvicorn
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.adapters.altcha import AltchaCaptcha
from gateway.adapters.kept_answers import KeptAnswers
from gateway.adapters.upstream import Upstream
from gateway.adapters.used_solutions import UsedSolutions
from gateway.api.description import OWN_DOCUMENT, merged
from gateway.api.door import Door, Limits
from gateway.api.live import LiveDoor
from gateway.bootstrap import build_app
from gateway.captcha import Captcha
from gateway.routing import OWN, RoutingTable
from service_kit.clock import FixedClock
from service_kit.database import migrate, open_pool
from service_kit.testing import Tokens, make_kit

pytestmark = [pytest.mark.integration, pytest.mark.requirement("GW-25", "IDN-08")]

MOMENT = timedelta(microseconds=1)
REGISTER, ASK, CALL_BACK = "/api/v1/registrations", "/api/v1/questions", "/api/v1/callbacks/north"


def operation(*roles: str, captcha: bool = False, **more: Any) -> Any:
    return {
        "operationId": "-".join(roles),
        "x-access": {"roles": dict.fromkeys(roles, "tenant"), "captcha": captcha},
        "parameters": [{"name": "Idempotency-Key", "in": "header", "required": captcha}],
        "responses": {},
        **more,
    }


DOCUMENTS = {
    "identity": {
        "paths": {
            REGISTER: {"post": operation("anonymous", captcha=True)},
            ASK: {"post": operation("anonymous", "patient", captcha=True)},
            "/api/v1/callbacks/{tenant}": {"post": operation("anonymous", tags=["callbacks"])},
        }
    },
    OWN: OWN_DOCUMENT,
}


class IdentityStub:
    """A service that counts, and is away when it is told to be."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.away = False

    async def take(self, request: Request) -> Response:
        self.seen.append(request)
        return JSONResponse({"call": len(self.seen)}, 503 if self.away else 201)

    def app(self) -> ASGIApp:
        return Starlette(routes=[Route("/{path:path}", self.take, methods=["POST"])])


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", proxy_headers=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


class World:
    """Two gateways over one database before a stub."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", stub: IdentityStub) -> None:
        self.kit = make_kit("gateway")
        assert isinstance(self.kit.clock, FixedClock)
        self.clock, self.pool, self.stub = self.kit.clock, pool, stub
        self.tokens = Tokens(self.clock)
        self.captcha = AltchaCaptcha(
            UsedSolutions(pool), SecretStr("s"), difficulty=20, valid=timedelta(minutes=10)
        )

    def gateway(self, upstream: Upstream, captcha: Captcha | None) -> ASGIApp:
        table = RoutingTable(DOCUMENTS)
        door = Door(
            kit=self.kit,
            table=table,
            upstream=upstream,
            answers=KeptAnswers(self.pool),
            limits=Limits.per_minute(MovingWindowRateLimiter(MemoryStorage()), reads=20, writes=50),
            captcha=captcha,
        )
        live = LiveDoor(table=table, upstream=upstream)
        return build_app(self.kit, door, live, merged(DOCUMENTS))


@pytest.fixture
async def world(database: str) -> AsyncIterator[Any]:
    stub = IdentityStub()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(database, application_name="test"))
        await migrate(pool, "gateway")
        world: Any = World(pool, stub)
        identity = await stack.enter_async_context(served(stub.app()))
        upstream = await stack.enter_async_context(
            Upstream.open({"identity": identity}, answer_seconds=5)
        )
        for name, captcha in (("here", world.captcha), ("there", world.captcha), ("open", None)):
            url = await stack.enter_async_context(served(world.gateway(upstream, captcha)))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url))
            setattr(world, name, client)
        yield world


async def solve(client: httpx.AsyncClient) -> str:
    answer = await client.get("/api/v1/captcha")
    assert answer.headers["cache-control"] == "no-store"
    challenge = altcha.Challenge.from_dict(answer.json())
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


async def post(
    client: httpx.AsyncClient,
    path: str = REGISTER,
    *,
    solution: str | None = None,
    key: str | None = "k",
    body: Any = None,
    **headers: str,
) -> httpx.Response:
    shown = {"X-Kabinet-Captcha": solution, "Idempotency-Key": key, "X-Kabinet-Tenant": "north"}
    given = {name: value for name, value in shown.items() if value is not None}
    return await client.post(path, json=body or {}, headers={**given, **headers})


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


@pytest.mark.parametrize(
    ("language", "title"),
    [("ru", "Подтвердите, что вы не робот"), ("en", "Show that you are not a robot")],
)
async def test_who_shows_nothing_is_asked_to_and_nothing_is_kept(
    world: Any, language: str, title: str
) -> None:
    answer = await post(world.here, **{"Accept-Language": language})
    assert (answer.status_code, code(answer)) == (403, "CAPTCHA_REQUIRED")
    assert answer.json()["title"] == title
    assert world.stub.seen == []
    assert await world.pool.fetchval("SELECT count(*) FROM kept_answers") == 0


async def test_who_has_solved_one_is_let_in_and_the_service_does_not_see_it(world: Any) -> None:
    answer = await post(world.here, solution=await solve(world.here))
    assert answer.status_code == 201
    (seen,) = world.stub.seen
    assert "x-kabinet-captcha" not in seen.headers


async def test_a_wrong_solution_is_refused_and_does_not_use_up_the_key(world: Any) -> None:
    refused = await post(world.here, solution="e30=")
    assert (refused.status_code, code(refused)) == (403, "CAPTCHA_INVALID")
    assert world.stub.seen == []
    assert (await post(world.here, solution=await solve(world.here))).status_code == 201


@pytest.mark.parametrize(("step", "status"), [(-MOMENT, 201), (0 * MOMENT, 403), (MOMENT, 403)])
async def test_a_solution_can_be_shown_for_ten_minutes(
    world: Any, step: timedelta, status: int
) -> None:
    solution = await solve(world.here)
    world.clock.advance(timedelta(minutes=10) + step)
    answer = await post(world.here, solution=solution)
    assert answer.status_code == status
    assert status == 201 or code(answer) == "CAPTCHA_INVALID"


@pytest.mark.parametrize("changed", [{"key": "other"}, {"headers": "south"}])
async def test_a_solution_is_no_good_for_another_request(
    world: Any, changed: dict[str, str]
) -> None:
    solution = await solve(world.here)
    assert (await post(world.here, solution=solution)).status_code == 201
    tenant = changed.pop("headers", "north")
    replayed = await post(world.here, solution=solution, **changed, **{"X-Kabinet-Tenant": tenant})
    assert (replayed.status_code, code(replayed)) == (403, "CAPTCHA_INVALID")
    assert len(world.stub.seen) == 1


async def test_two_gateways_agree_on_what_is_used_up(world: Any) -> None:
    solution = await solve(world.here)
    answers = await asyncio.gather(
        post(world.here, solution=solution, key="one"),
        post(world.there, solution=solution, key="two"),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 403]
    assert len(world.stub.seen) == 1


@pytest.mark.requirement("GW-18")
async def test_a_repeat_gets_the_first_answer_however_old_its_solution_is(world: Any) -> None:
    solution = await solve(world.here)
    first = await post(world.here, solution=solution)
    world.clock.advance(timedelta(hours=1))
    for client in (world.here, world.there):
        again = await post(client, solution=solution)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
    assert len(world.stub.seen) == 1


@pytest.mark.requirement("GW-18")
async def test_a_repeat_after_an_outage_needs_no_new_solution_and_another_body_does(
    world: Any,
) -> None:
    solution = await solve(world.here)
    world.stub.away = True
    assert (await post(world.here, solution=solution)).status_code == 503
    world.stub.away = False
    other = await post(world.here, solution=solution, body={"other": 1})
    assert (other.status_code, code(other)) == (403, "CAPTCHA_INVALID")
    assert (await post(world.there, solution=solution)).status_code == 201


async def test_without_a_key_the_solution_is_not_used_up(world: Any) -> None:
    solution = await solve(world.here)
    answer = await post(world.here, solution=solution, key=None)
    assert (answer.status_code, code(answer)) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert (await post(world.here, solution=solution)).status_code == 201


async def test_a_token_spares_the_captcha_where_it_says_who_asks(world: Any) -> None:
    token = {"Authorization": f"Bearer {world.tokens.mint('patient')}"}
    assert code(await post(world.here, ASK)) == "CAPTCHA_REQUIRED"
    assert (await post(world.here, ASK, **token)).status_code == 201
    # Or one account would register as many others as it likes.
    assert code(await post(world.here, REGISTER, **token)) == "CAPTCHA_REQUIRED"


async def test_providers_are_never_asked(world: Any) -> None:
    assert (await post(world.here, CALL_BACK)).status_code == 201


async def test_challenges_are_bounded_for_each_address(world: Any) -> None:
    answers = [await world.here.get("/api/v1/captcha") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert code(answers[-1]) == "RATE_LIMITED"


async def test_an_operator_can_switch_it_off(world: Any) -> None:
    assert (await post(world.open)).status_code == 201
    answer = await world.open.get("/api/v1/captcha")
    assert (answer.status_code, code(answer)) == (404, "NOT_FOUND")

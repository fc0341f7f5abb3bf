"""What every captcha keeps: one suite for all adapters, on a real PostgreSQL, against the provider's sandbox twin."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import altcha
import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.adapters.altcha import AltchaCaptcha
from gateway.adapters.smartcaptcha import YandexSmartCaptcha
from gateway.adapters.used_solutions import UsedSolutions
from gateway.captcha import Captcha, Unproven
from sandbox.smartcaptcha.bootstrap import build as build_smartcaptcha
from service_kit.clock import FixedClock
from service_kit.database import migrate, open_pool
from service_kit.errors import Unavailable
from service_kit.http import Patience, ProviderClient

pytestmark = [pytest.mark.integration, pytest.mark.requirement("GW-25", "IDN-08")]

MINE, ANOTHERS = b"my request", b"another request"
MOMENT = timedelta(microseconds=1)
KEY = SecretStr("a server key")


@dataclass(slots=True)
class Hands:
    """Two gateways that ask for the same captcha, and a client's browser."""

    here: Captcha
    there: Captcha
    clock: FixedClock
    valid: timedelta
    browser: httpx.AsyncClient

    async def solve(self) -> str:
        challenge = dict(self.here.challenge(self.clock.now()))
        if challenge["kind"] == "altcha":
            return solved(challenge).to_base64()
        token = (await self.browser.post("/sandbox/tokens", json={})).json()["token"]
        return str(token)

    async def redeem(self, solution: str, by: bytes = MINE, at: Captcha | None = None) -> bool:
        try:
            await (at or self.here).redeem(
                solution, by=by, address="203.0.113.7", now=self.clock.now()
            )
        except Unproven:
            return False
        return True


def solved(challenge: Any) -> altcha.Payload:
    asked = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(asked)
    assert solution is not None
    return altcha.Payload(asked, solution)


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with open_pool(database, application_name="test") as pool:
        await migrate(pool, "gateway")
        yield pool


def proof_of_work(used: UsedSolutions, secret: SecretStr = KEY) -> AltchaCaptcha:
    return AltchaCaptcha(used, secret, difficulty=20, valid=timedelta(minutes=10))


@pytest.fixture(params=["altcha", "smartcaptcha"])
async def hands(
    request: pytest.FixtureRequest, pool: "asyncpg.Pool[asyncpg.Record]", database: str
) -> AsyncIterator[Hands]:
    clock = FixedClock()
    app = build_smartcaptcha(clock=clock.now, server_key=KEY.get_secret_value())
    transport = httpx.ASGITransport(app)
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://yandex.test")
        )
        provider = await stack.enter_async_context(
            ProviderClient.open("smartcaptcha", "http://yandex.test", transport=transport)
        )
        other_pool = await stack.enter_async_context(open_pool(database, application_name="other"))
        here, there = (
            proof_of_work(used)
            if request.param == "altcha"
            else YandexSmartCaptcha(used, provider, server_key=KEY, site_key="ysc1_site")
            for used in (UsedSolutions(pool), UsedSolutions(other_pool))
        )
        valid = timedelta(minutes=10 if request.param == "altcha" else 5)
        yield Hands(here, there, clock, valid, browser)


async def test_a_solution_is_good_for_one_request_and_its_repeats(hands: Hands) -> None:
    solution = await hands.solve()
    assert await hands.redeem(solution)
    assert await hands.redeem(solution)
    assert not await hands.redeem(solution, ANOTHERS)
    assert await hands.redeem(await hands.solve(), ANOTHERS)


async def test_of_two_gateways_one_lets_a_solution_in(hands: Hands) -> None:
    for _ in range(5):
        solution = await hands.solve()
        let_in = await asyncio.gather(
            hands.redeem(solution, MINE, hands.here), hands.redeem(solution, ANOTHERS, hands.there)
        )
        assert sorted(let_in) == [False, True]


async def test_a_repeat_may_come_to_another_gateway(hands: Hands) -> None:
    solution = await hands.solve()
    assert await hands.redeem(solution, MINE, hands.here)
    assert await hands.redeem(solution, MINE, hands.there)


@pytest.mark.parametrize(
    ("step", "let_in"), [(-MOMENT, True), (0 * MOMENT, False), (MOMENT, False)]
)
async def test_a_solution_has_a_life(hands: Hands, step: timedelta, let_in: bool) -> None:
    solution = await hands.solve()
    hands.clock.advance(hands.valid + step)
    assert await hands.redeem(solution) is let_in


@pytest.mark.parametrize(
    "nonsense",
    [
        "x",
        "не то",
        "e30=",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"challenge": 1, "solution": 2}').decode(),
        base64.b64encode(b'{"challenge": {"parameters": []}, "solution": []}').decode(),
        base64.b64encode(b"[" * 100_000).decode(),
        "A" * 5000,
    ],
    ids=range(8),
)
async def test_nonsense_is_refused(hands: Hands, nonsense: str) -> None:
    assert not await hands.redeem(nonsense)


# A proof of work


@pytest.mark.parametrize(
    "changes",
    [
        {"keyPrefix": ""},
        {"keyPrefix": "", "cost": 1},
        {"keyPrefix": "", "nonce": "00" * 16},
        {"data": {"expires_at": "2030-01-01T00:00:00+00:00"}},
    ],
    ids=["easier", "cheaper", "another", "longer lived"],
)
async def test_a_challenge_cannot_be_changed(
    pool: "asyncpg.Pool[asyncpg.Record]", changes: dict[str, Any]
) -> None:
    clock = FixedClock()
    captcha = proof_of_work(UsedSolutions(pool))
    challenge: dict[str, Any] = json.loads(json.dumps(captcha.challenge(clock.now())))
    challenge["parameters"] |= changes
    with pytest.raises(Unproven):
        await captcha.redeem(solved(challenge).to_base64(), by=MINE, address="", now=clock.now())


async def test_a_counter_that_does_not_fit_and_a_foreign_secret_are_refused(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    clock, used = FixedClock(), UsedSolutions(pool)
    captcha, foreign = proof_of_work(used), proof_of_work(used, SecretStr("another"))
    wrong = solved(captcha.challenge(clock.now()))
    wrong.solution.counter += 1
    for payload in (wrong, solved(foreign.challenge(clock.now()))):
        with pytest.raises(Unproven):
            await captcha.redeem(payload.to_base64(), by=MINE, address="", now=clock.now())
    assert await pool.fetchval("SELECT count(*) FROM used_solutions") == 0


async def test_used_solutions_are_pruned_when_they_have_expired(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    clock, used = FixedClock(), UsedSolutions(pool)
    captcha = proof_of_work(used)
    solution = solved(captcha.challenge(clock.now())).to_base64()
    await captcha.redeem(solution, by=MINE, address="", now=clock.now())
    end = clock.now() + timedelta(minutes=10)
    assert await used.prune(end) == 0
    assert await used.prune(end + MOMENT) == 1


# SmartCaptcha


@pytest.fixture
def twin() -> httpx.ASGITransport:
    return httpx.ASGITransport(
        build_smartcaptcha(clock=FixedClock().now, server_key=KEY.get_secret_value())
    )


@pytest.mark.parametrize(
    ("key", "human", "reason"),
    [(KEY, False, ""), (SecretStr("wrong"), True, "Authentication failed. Invalid secret.")],
)
async def test_a_robot_and_a_wrong_key_are_refused_and_told_apart_in_the_log(
    pool: "asyncpg.Pool[asyncpg.Record]",
    twin: httpx.ASGITransport,
    key: SecretStr,
    human: bool,
    reason: str,
) -> None:
    async with (
        httpx.AsyncClient(transport=twin, base_url="http://yandex.test") as browser,
        ProviderClient.open("smartcaptcha", "http://yandex.test", transport=twin) as provider,
    ):
        token = (await browser.post("/sandbox/tokens", json={"human": human})).json()["token"]
        captcha = YandexSmartCaptcha(
            UsedSolutions(pool), provider, server_key=key, site_key="ysc1_site"
        )
        with capture_logs() as logs, pytest.raises(Unproven):
            await captcha.redeem(token, by=MINE, address="203.0.113.7", now=FixedClock().now())
    (line,) = (line for line in logs if line["event"] == "captcha.refused")
    assert line["reason"] == reason
    assert token not in str(logs)


async def test_nobody_is_let_in_while_the_provider_is_away(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    hurried = Patience(attempts=1)
    async with ProviderClient.open(
        "smartcaptcha", "http://127.0.0.1:9", patience=hurried
    ) as provider:
        captcha = YandexSmartCaptcha(
            UsedSolutions(pool), provider, server_key=KEY, site_key="ysc1_site"
        )
        assert captcha.challenge(FixedClock().now()) == {
            "kind": "smartcaptcha",
            "site_key": "ysc1_site",
        }
        with pytest.raises(Unavailable):
            await captcha.redeem("t", by=MINE, address="", now=FixedClock().now())

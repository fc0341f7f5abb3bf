"""The twin of SmartCaptcha answers as its documentation says."""

from datetime import timedelta

import httpx
import pytest

from sandbox.smartcaptcha.bootstrap import build
from sandbox.testing import MovableClock

KEY = "key-1"
MOMENT = timedelta(microseconds=1)
OK = {"status": "ok", "message": "", "host": "clinic.example"}
SPENT = {"status": "failed", "message": "Invalid or expired Token."}


@pytest.fixture
def browser(clock: MovableClock) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build(clock=clock, server_key=KEY))
    return httpx.AsyncClient(transport=transport, base_url="http://yandex.test")


async def token(browser: httpx.AsyncClient, *, human: bool = True) -> str:
    answer = await browser.post("/sandbox/tokens", json={"human": human})
    assert answer.status_code == 201
    return str(answer.json()["token"])


async def validate(browser: httpx.AsyncClient, token: str, secret: str = KEY) -> object:
    form = {"secret": secret, "token": token, "ip": "203.0.113.7"}
    answer = await browser.post("/validate", data=form)
    assert answer.status_code == 200
    return answer.json()


async def test_a_token_is_worth_one_answer(browser: httpx.AsyncClient) -> None:
    human = await token(browser)
    assert await validate(browser, human) == OK
    assert await validate(browser, human) == SPENT
    assert await validate(browser, "made up") == SPENT


async def test_a_robot_is_told_by_an_empty_message(browser: httpx.AsyncClient) -> None:
    robot = await token(browser, human=False)
    assert await validate(browser, robot) == {"status": "failed", "message": ""}


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("", "Authentication failed. Secret has not provided."),
        ("key-2", "Authentication failed. Invalid secret."),
    ],
)
async def test_who_asks_shows_the_server_key(
    browser: httpx.AsyncClient, secret: str, message: str
) -> None:
    human = await token(browser)
    assert await validate(browser, human, secret) == {"status": "failed", "message": message}
    assert await validate(browser, human) == OK


@pytest.mark.parametrize(("step", "verdict"), [(-MOMENT, OK), (0 * MOMENT, SPENT), (MOMENT, SPENT)])
async def test_a_token_lives_for_five_minutes(
    browser: httpx.AsyncClient, clock: MovableClock, step: timedelta, verdict: object
) -> None:
    human = await token(browser)
    clock.advance(timedelta(minutes=5) + step)
    assert await validate(browser, human) == verdict

"""Signing in, staying signed in, signing out."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from service_kit.http import ProviderClient, ServiceClient
from service_kit.sessions import PolledSessionGuard
from service_kit.tokens import TokenVerifier

pytestmark = pytest.mark.integration


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.requirement("IDN-20")
async def test_a_right_pair_gets_a_session_whose_token_every_service_accepts(world: Any) -> None:
    shown = await world.register()
    answer = await world.sign_in()
    assert answer.status_code == 201
    session = answer.json()
    verifier = TokenVerifier(service="booking", keys=world.keys, clock=world.clock)
    token = await verifier.verify(session["access_token"])
    assert (token.tenant, sorted(token.roles)) == ("north", ["patient"])
    assert str(token.account_id) == shown["account_id"] == session["account"]["account_id"]
    assert str(token.patient_id) == shown["patient_id"]
    assert str(token.session_id) == session["session_id"]
    assert (token.assurance, token.language) == ("basic", "ru")
    assert token.expires_at == world.clock.now() + timedelta(minutes=15)


@pytest.mark.requirement("IDN-20")
async def test_a_wrong_login_and_a_wrong_password_get_one_answer(world: Any) -> None:
    await world.register()
    answers = [
        await world.sign_in(password="wrong horse"),
        await world.sign_in("nobody@example.com"),
        await world.sign_in("+79990000000"),
        await world.sign_in("neither mail nor phone"),
    ]
    assert {refused(answer) for answer in answers} == {(401, "INVALID_CREDENTIALS")}
    bodies = [
        {name: value for name, value in answer.json().items() if name != "correlation_id"}
        for answer in answers
    ]
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.requirement("IDN-20", "OPS-14")
async def test_a_login_is_throttled_after_ten_failures(world: Any) -> None:
    await world.register()
    await world.register(email="boris@example.com", phone=None)
    for number in range(10):
        answer = await world.sign_in(password="guess", address=f"203.0.113.{number}")
        assert refused(answer) == (401, "INVALID_CREDENTIALS")
        world.clock.advance(timedelta(seconds=1))
    answer = await world.sign_in()
    assert refused(answer) == (429, "TOO_MANY_ATTEMPTS")
    assert answer.headers["retry-after"] == "890"
    assert (await world.sign_in("boris@example.com")).status_code == 201
    world.clock.advance(timedelta(seconds=890) - world.moment)
    assert refused(await world.sign_in()) == (429, "TOO_MANY_ATTEMPTS")
    world.clock.advance(world.moment)
    assert (await world.sign_in()).status_code == 201


@pytest.mark.requirement("IDN-20")
async def test_an_address_is_throttled_whatever_it_tries(world: Any) -> None:
    await world.open_clinic()
    await world.set_policy("sign_in_attempts_per_address", 3)
    await world.register()
    for number in range(3):
        await world.sign_in(f"guess{number}@example.com")
    assert refused(await world.sign_in()) == (429, "TOO_MANY_ATTEMPTS")
    assert (await world.sign_in(address="203.0.113.9")).status_code == 201


@pytest.mark.requirement("IDN-20")
async def test_guesses_made_at_once_are_counted_too(world: Any) -> None:
    await world.register()
    path = "/api/v1/sessions"
    body = {"login": "anna@example.com", "password": "guess"}
    headers = {"X-Kabinet-Tenant": "north", "Idempotency-Key": "always the same"}
    answers = await asyncio.gather(
        *(world.client.post(path, json=body, headers=headers) for _ in range(25))
    )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 15)


async def test_right_passwords_do_not_count(world: Any) -> None:
    await world.register()
    for _ in range(12):
        assert (await world.sign_in()).status_code == 201


async def test_the_throttle_outlives_the_process(world: Any) -> None:
    """Another process over the same store knows what this one counted."""
    await world.register()
    for _ in range(10):
        await world.sign_in(password="guess")
    async with world.restarted() as other:
        assert refused(await other.sign_in()) == (429, "TOO_MANY_ATTEMPTS")


async def test_a_refresh_token_brings_new_tokens_once(world: Any) -> None:
    await world.register()
    first = (await world.sign_in()).json()
    world.clock.advance(timedelta(minutes=15))
    answer = await world.refresh(first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    assert second["session_id"] == first["session_id"]
    assert second["access_token"] != first["access_token"]
    assert (await world.refresh(second["refresh_token"])).status_code == 200


async def test_a_token_used_twice_ends_the_session_of_both(world: Any) -> None:
    await world.register()
    first = (await world.sign_in()).json()
    stolen = (await world.refresh(first["refresh_token"])).json()
    assert refused(await world.refresh(first["refresh_token"])) == (401, "REFRESH_TOKEN_INVALID")
    assert refused(await world.refresh(stolen["refresh_token"])) == (401, "REFRESH_TOKEN_INVALID")
    answer = await world.send("GET", "/api/v1/me", token=stolen["access_token"])
    assert refused(answer) == (401, "SESSION_ENDED")


async def test_a_lost_answer_can_be_asked_for_again(world: Any) -> None:
    await world.register()
    first = (await world.sign_in()).json()
    answers = [await world.refresh(first["refresh_token"], key="lost") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["refresh_token"] == answers[1].json()["refresh_token"]
    assert (await world.refresh(answers[1].json()["refresh_token"])).status_code == 200


async def test_a_token_that_is_none_or_of_another_clinic_is_refused(world: Any) -> None:
    await world.register()
    token = (await world.sign_in()).json()["refresh_token"]
    for text, tenant in (("nonsense", "north"), (token[:-2] + "AA", "north"), (token, "south")):
        answer = await world.refresh(text, tenant=tenant)
        assert refused(answer) == (401, "REFRESH_TOKEN_INVALID")
    assert (await world.refresh(token)).status_code == 200


@pytest.mark.requirement("OPS-14")
async def test_a_session_cannot_be_prolonged_for_ever(world: Any) -> None:
    await world.register()
    token = (await world.sign_in()).json()["refresh_token"]
    world.clock.advance(timedelta(days=30) - world.moment)
    answer = await world.refresh(token)
    assert answer.status_code == 200
    world.clock.advance(world.moment)
    answer = await world.refresh(answer.json()["refresh_token"])
    assert refused(answer) == (401, "REFRESH_TOKEN_INVALID")


@pytest.mark.requirement("IDN-27")
async def test_signing_out_ends_the_session_at_once(world: Any) -> None:
    await world.register()
    session, other = (await world.sign_in()).json(), (await world.sign_in()).json()
    await world.settle()
    token = session["access_token"]
    assert (await world.send("GET", "/api/v1/me", token=token)).status_code == 200
    answer = await world.send("DELETE", "/api/v1/sessions/current", token=token, key=None)
    assert answer.status_code == 204
    for method, path in (("GET", "/api/v1/me"), ("DELETE", "/api/v1/sessions/current")):
        assert refused(await world.send(method, path, token=token)) == (401, "SESSION_ENDED")
    assert refused(await world.refresh(session["refresh_token"])) == (
        401,
        "REFRESH_TOKEN_INVALID",
    )
    answer = await world.send("GET", "/api/v1/me", token=other["access_token"])
    assert answer.status_code == 200


@pytest.mark.requirement("IDN-27")
async def test_the_guard_of_the_gateway_learns_of_every_end(world: Any) -> None:
    await world.register()
    sessions = [(await world.sign_in()).json() for _ in range(3)]
    for session in sessions[:2]:
        token = session["access_token"]
        await world.send("DELETE", "/api/v1/sessions/current", token=token)
        world.clock.advance(timedelta(minutes=1))
    await world.settle()
    async with ProviderClient.open(
        "identity", "http://service", transport=httpx.ASGITransport(world.app)
    ) as provider:
        client = ServiceClient(provider, partial(world.service_token, "gateway"))
        guard = PolledSessionGuard(client, world.clock)
        await guard.ask()
        ended = [await guard.has_ended(UUID(session["session_id"])) for session in sessions]
        assert ended == [True, True, False]


@pytest.mark.requirement("IDN-27")
async def test_an_end_is_told_until_the_tokens_have_expired(world: Any) -> None:
    await world.register()
    session = (await world.sign_in()).json()
    await world.send("DELETE", "/api/v1/sessions/current", token=session["access_token"])
    await world.settle()

    async def told() -> list[str]:
        path = "/internal/sessions/ended"
        token = await world.service_token("gateway")
        answer = await world.send("GET", path, tenant=None, token=token)
        return [row["session_id"] for row in answer.json()["items"]]

    world.clock.advance(timedelta(minutes=15) - world.moment)
    assert await told() == [session["session_id"]]
    world.clock.advance(world.moment)
    assert await told() == []


async def test_the_address_is_the_one_that_our_own_proxy_saw(world: Any) -> None:
    """Whoever sends the header himself does not get a new address for each guess."""
    await world.open_clinic()
    await world.set_policy("sign_in_attempts_per_address", 2)
    for number in range(2):
        await world.sign_in(f"a{number}@example.com", address=f"10.9.9.{number}, 203.0.113.1")
    answer = await world.sign_in("a3@example.com", address="10.9.9.3, 203.0.113.1, 127.0.0.1")
    assert refused(answer) == (429, "TOO_MANY_ATTEMPTS")


@pytest.mark.requirement("OPS-02")
async def test_what_is_done_with_an_account_is_about_its_patient(world: Any) -> None:
    """`/audit/subjects/{patient}` shows sign-ins, refreshes, sign-outs and registrations that were given up."""
    given_up = await world.start(email="boris@example.com", phone=None)
    answer = await world.send("DELETE", f"/api/v1/registrations/{given_up}")
    assert answer.status_code == 204
    shown = await world.register()
    first = (await world.sign_in()).json()
    second = (await world.refresh(first["refresh_token"])).json()
    await world.send("DELETE", "/api/v1/sessions/current", token=second["access_token"])
    subjects = {
        event.type: event.meta().subject
        async for page in world.store.read_all()
        for event in page.events
    }
    for kind in ("SessionStarted.v1", "SessionRefreshed.v1", "SessionEnded.v1"):
        assert subjects[kind] == shown["patient_id"], kind
    assert subjects["RegistrationClosed.v1"] is not None

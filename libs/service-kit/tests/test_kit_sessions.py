"""The gateway's guard: who signed out is refused soon, and nobody is let in blindly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest

from service_kit.clock import FixedClock
from service_kit.errors import Unavailable
from service_kit.http import Patience, ProviderClient, ServiceClient
from service_kit.sessions import PolledSessionGuard

ANNAS, BORISS = UUID(int=1), UUID(int=2)
MOMENT = timedelta(microseconds=1)


class Identity:
    """Two ends a page, as identity tells them."""

    def __init__(self) -> None:
        self.ended: list[tuple[UUID, datetime]] = []
        self.status = 200
        self.asked: list[str] = []

    def end(self, session_id: UUID, until: datetime) -> None:
        self.ended.append((session_id, until))

    def answer(self, request: httpx.Request) -> httpx.Response:
        after = request.url.params["after"]
        self.asked.append(after)
        assert "x-kabinet-tenant" not in request.headers
        start = int(after or "0")
        page = self.ended[start : start + 2]
        items = [{"session_id": str(name), "until": until.isoformat()} for name, until in page]
        cursor = str(start + len(page)) if page else after
        return httpx.Response(self.status, json={"items": items, "cursor": cursor})


async def token() -> str:
    return "t"


@asynccontextmanager
async def client_of(identity: Identity) -> AsyncIterator[ServiceClient]:
    transport = httpx.MockTransport(identity.answer)
    patience = Patience(attempts=1, break_after=1000)
    async with ProviderClient.open(
        "identity", "http://identity", patience=patience, transport=transport
    ) as provider:
        yield ServiceClient(provider, token)


async def test_ends_are_learned_page_by_page_and_from_where_it_stopped(clock: FixedClock) -> None:
    identity, until = Identity(), clock.now() + timedelta(minutes=15)
    for number in range(3):
        identity.end(UUID(int=number), until)
    async with client_of(identity) as client:
        guard = PolledSessionGuard(client, clock)
        await guard.ask()
        assert [await guard.has_ended(UUID(int=number)) for number in range(4)] == [
            *[True] * 3,
            False,
        ]
        await guard.ask()
    assert identity.asked == ["", "2", "3", "3"]


async def test_an_end_is_forgotten_when_its_tokens_have_expired(clock: FixedClock) -> None:
    identity, until = Identity(), clock.now() + timedelta(minutes=15)
    identity.end(ANNAS, until)
    async with client_of(identity) as client:
        guard = PolledSessionGuard(client, clock)
        await guard.ask()
        clock.set(until - MOMENT)
        await guard.ask()
        assert await guard.has_ended(ANNAS)
        clock.set(until)
        await guard.ask()
        assert not await guard.has_ended(ANNAS)


async def test_who_saw_the_sign_out_need_not_wait(clock: FixedClock) -> None:
    async with client_of(Identity()) as client:
        guard = PolledSessionGuard(client, clock)
        await guard.ask()
        guard.end(BORISS, clock.now() + timedelta(minutes=15))
        assert await guard.has_ended(BORISS)
        await guard.ask()
        assert await guard.has_ended(BORISS)


async def test_nobody_is_let_in_before_the_first_answer(clock: FixedClock) -> None:
    async with client_of(Identity()) as client:
        guard = PolledSessionGuard(client, clock)
        with pytest.raises(Unavailable):
            await guard.has_ended(ANNAS)


@pytest.mark.parametrize("status", [500, 403])
async def test_a_silent_identity_is_borne_for_a_while_only(clock: FixedClock, status: int) -> None:
    identity = Identity()
    async with client_of(identity) as client:
        guard = PolledSessionGuard(client, clock, blind_seconds=0.05)
        await guard.ask()
        identity.status = status
        with pytest.raises(Unavailable):
            await guard.ask()
        assert not await guard.has_ended(ANNAS)
        await asyncio.sleep(0.06)
        with pytest.raises(Unavailable):
            await guard.has_ended(ANNAS)


async def test_an_answer_that_is_none_is_no_answer(clock: FixedClock) -> None:
    def nonsense(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": "?"})

    async with ProviderClient.open(
        "identity", "http://identity", transport=httpx.MockTransport(nonsense)
    ) as provider:
        guard = PolledSessionGuard(ServiceClient(provider, token), clock)
        with pytest.raises(Unavailable):
            await guard.ask()


async def test_an_open_guard_keeps_asking_also_after_a_failure(clock: FixedClock) -> None:
    identity = Identity()
    identity.status = 500
    identity.end(ANNAS, clock.now() + timedelta(minutes=1))
    async with (
        client_of(identity) as client,
        PolledSessionGuard.open(client, clock, interval_seconds=0.001) as guard,
        asyncio.timeout(5),
    ):
        await asyncio.sleep(0.01)
        identity.status = 200
        for _ in range(2000):
            if await knows(guard, ANNAS):
                break
            await asyncio.sleep(0.001)
        assert await guard.has_ended(ANNAS)


async def knows(guard: PolledSessionGuard, session_id: UUID) -> bool:
    with suppress(Unavailable):
        return await guard.has_ended(session_id)
    return False

"""Calls to other systems: what is repeated, what is not, and when it stops."""

import asyncio
import importlib.util
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
import structlog
from prometheus_client import REGISTRY
from pydantic import SecretStr

from service_kit.clock import FixedClock
from service_kit.errors import Unavailable
from service_kit.http import Patience, ProviderClient, ServiceClient, ServiceTokens
from service_kit.tracing import span

FAST = Patience(first_pause=0.001, longest_pause=0.05, break_after=100)


class Provider:
    """Answers each call with the next of its answers, the last one for ever."""

    def __init__(self, *answers: httpx.Response | type[httpx.TransportError]) -> None:
        self.answers: Sequence[httpx.Response | type[httpx.TransportError]] = answers
        self.seen: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers[min(len(self.seen), len(self.answers) - 1)]
        self.seen.append(request)
        await asyncio.sleep(0)
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("down", request=request)


async def call(provider: Provider, method: str = "GET", **options: object) -> int:
    async with ProviderClient.open(
        "bank", "http://bank", patience=FAST, transport=provider.transport
    ) as client:
        return (await client.request(method, "/x", **options)).status_code  # type: ignore[arg-type]  # any of httpx


OK = httpx.Response(200)
TOO_MANY = httpx.Response(429, headers={"Retry-After": "0"})


async def test_every_call_is_measured_and_a_failure_bears_its_kind() -> None:
    def measured(status: str, error: str) -> float:
        labels = {
            "provider": "measured",
            "http_request_method": "GET",
            "http_response_status_code": status,
            "error_type": error,
        }
        name = "http_client_request_duration_seconds_count"
        return REGISTRY.get_sample_value(name, labels) or 0

    provider = Provider(httpx.Response(500), httpx.ReadTimeout, TOO_MANY, httpx.Response(404))
    patience = Patience(first_pause=0.001, longest_pause=0.05, attempts=4)
    async with ProviderClient.open(
        "measured", "http://bank", patience=patience, transport=provider.transport
    ) as client:
        await client.request("GET", "/x")
    answers = [("500", "500"), ("", "ReadTimeout"), ("429", "429"), ("404", "")]
    assert [measured(*answer) for answer in answers] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("answers", "method", "options", "calls"),
    [
        ([httpx.Response(500), OK], "GET", {}, 2),
        ([httpx.ConnectError, httpx.ReadTimeout, OK], "GET", {}, 3),
        ([httpx.ConnectError, OK], "POST", {}, 2),
        ([TOO_MANY, OK], "POST", {}, 2),
        ([httpx.ReadTimeout, OK], "POST", {"idempotent": True}, 2),
    ],
)
async def test_what_may_be_repeated_is(
    answers: list[httpx.Response | type[httpx.TransportError]],
    method: str,
    options: dict[str, object],
    calls: int,
) -> None:
    provider = Provider(*answers)
    assert await call(provider, method, **options) == 200
    assert len(provider.seen) == calls


@pytest.mark.parametrize(
    "answer", [httpx.Response(500), httpx.ReadTimeout, httpx.RemoteProtocolError]
)
async def test_a_post_that_may_have_been_done_is_not_repeated(
    answer: httpx.Response | type[httpx.TransportError],
) -> None:
    provider = Provider(answer, OK)
    with pytest.raises(Unavailable):
        await call(provider, "POST")
    assert len(provider.seen) == 1


async def test_attempts_end() -> None:
    provider = Provider(httpx.Response(503))
    with pytest.raises(Unavailable) as refusal:
        await call(provider)
    assert (refusal.value.what, len(provider.seen)) == ("bank", 3)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 404, 409, 499])
async def test_an_answer_is_an_answer(status: int) -> None:
    provider = Provider(httpx.Response(status))
    assert await call(provider) == status
    assert len(provider.seen) == 1


@pytest.mark.parametrize("when", ["60", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_a_long_wait_is_handed_to_the_caller(when: str) -> None:
    provider = Provider(httpx.Response(503, headers={"Retry-After": when}))
    with pytest.raises(Unavailable) as refusal:
        await call(provider)
    assert refusal.value.retry_after >= 60
    assert len(provider.seen) == 1


@pytest.mark.requirement("OPS-16")
async def test_a_system_that_is_down_is_left_alone_for_a_while() -> None:
    provider = Provider(httpx.Response(500))
    patience = Patience(attempts=1, break_after=3, break_for=0.1)
    async with ProviderClient.open(
        "bank", "http://bank", patience=patience, transport=provider.transport
    ) as client:
        for _ in range(10):
            with pytest.raises(Unavailable):
                await client.request("GET", "/x")
        assert len(provider.seen) == 3
        with pytest.raises(Unavailable):
            await client.check()
        await asyncio.sleep(0.11)
        provider.answers = [OK]
        trials = await asyncio.gather(
            *(client.request("GET", "/x") for _ in range(3)), return_exceptions=True
        )
        assert sum(isinstance(trial, httpx.Response) for trial in trials) == 1
        assert (await client.request("GET", "/x")).status_code == 200
        await client.check()


async def test_trace_goes_along_and_bodies_do_not_reach_the_log() -> None:
    provider = Provider(httpx.Response(500, text="Иванов"))
    with structlog.testing.capture_logs() as lines, span("test"), pytest.raises(Unavailable):
        await call(provider, "POST", json={"name": "Иванов"})
    assert lines == [
        {
            "event": "provider.failed",
            "log_level": "warning",
            "adapter": "bank",
            "method": "POST",
            "reason": "500",
        }
    ]


def identity(
    clock: FixedClock, asked: list[dict[str, object]]
) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append({"path": request.url.path, "body": request.content})
        expires_at = (clock.now() + timedelta(minutes=5)).isoformat()
        return httpx.Response(201, json={"token": f"t{len(asked)}", "expires_at": expires_at})

    return answer


async def test_a_service_token_is_kept_until_shortly_before_its_end(clock: FixedClock) -> None:
    asked: list[dict[str, object]] = []
    transport = httpx.MockTransport(identity(clock, asked))
    async with ProviderClient.open("identity", "http://identity", transport=transport) as provider:
        tokens = ServiceTokens(provider, service="notes", secret=SecretStr("s"), clock=clock)
        assert set(await asyncio.gather(*(tokens.token("billing") for _ in range(5)))) == {"t1"}
        clock.advance(timedelta(minutes=4, seconds=30))
        assert await tokens.of("billing")() == "t1"
        clock.advance(timedelta(microseconds=1))
        assert await tokens.token("billing") == "t2"
        assert await tokens.token("booking") == "t3"
    assert asked[0]["path"] == "/internal/service-tokens"
    assert asked[0]["body"] == b'{"service":"notes","secret":"s","audience":"billing"}'


@pytest.mark.parametrize("answer", [httpx.Response(401), httpx.Response(200, json={"nothing": 1})])
async def test_without_a_service_token_the_other_is_unavailable(
    clock: FixedClock, answer: httpx.Response
) -> None:
    async with ProviderClient.open(
        "identity", "http://identity", transport=Provider(answer).transport
    ) as provider:
        tokens = ServiceTokens(provider, service="notes", secret=SecretStr("s"), clock=clock)
        with pytest.raises(Unavailable):
            await tokens.token("billing")


async def test_a_call_to_a_service_names_tenant_and_story(clock: FixedClock) -> None:
    billing = Provider(httpx.Response(404))
    transport = httpx.MockTransport(identity(clock, []))
    async with ProviderClient.open("identity", "http://identity", transport=transport) as provider:
        tokens = ServiceTokens(provider, service="notes", secret=SecretStr("s"), clock=clock)
        async with ServiceClient.open(
            "http://billing", audience="billing", tokens=tokens, transport=billing.transport
        ) as client:
            with structlog.contextvars.bound_contextvars(correlation_id="c"):
                answer = await client.request("GET", "/x", tenant="north", headers={"A": "b"})
    assert answer.status_code == 404
    sent = billing.seen[0].headers
    assert (sent["authorization"], sent["x-kabinet-tenant"]) == ("Bearer t1", "north")
    assert (sent["x-correlation-id"], sent["a"]) == ("c", "b")


async def test_a_service_that_was_restarted_is_asked_again_within_two_seconds(
    clock: FixedClock,
) -> None:
    billing = Provider(*[httpx.ConnectError] * 6, OK)
    transport = httpx.MockTransport(identity(clock, []))
    async with ProviderClient.open("identity", "http://identity", transport=transport) as provider:
        tokens = ServiceTokens(provider, service="notes", secret=SecretStr("s"), clock=clock)
        async with ServiceClient.open(
            "http://billing", audience="billing", tokens=tokens, transport=billing.transport
        ) as client:
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await client.request("GET", "/x", tenant="north")
            billing.answers = [OK]
            async with asyncio.timeout(2):
                while True:
                    with suppress(Unavailable):
                        await client.request("GET", "/x", tenant="north")
                        break
                    await asyncio.sleep(0.05)


def test_what_httpcore_imports_for_each_request_is_there() -> None:
    assert importlib.util.find_spec("sniffio") is not None

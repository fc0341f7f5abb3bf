"""Calls to other systems: bounded in time, repeated where that is safe, stopped while the other side is down."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
import msgspec
import structlog
from opentelemetry.trace import SpanKind
from pydantic import SecretStr

from event_store.tracing import Attributes
from service_kit.access import TENANT_HEADER
from service_kit.clock import Clock
from service_kit.errors import Unavailable
from service_kit.kit import Kit
from service_kit.metrics import CLIENT_SECONDS
from service_kit.requests import CORRELATION_HEADER
from service_kit.settings import ProcessSettings
from service_kit.tracing import current_traceparent, fail, span

__all__ = ["Patience", "ProviderClient", "ServiceClient", "ServiceTokens", "open_service_tokens"]

_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_RENEW_BEFORE: Final = timedelta(seconds=30)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often to try; seconds throughout."""

    connect: float = 2.0
    answer: float = 10.0
    attempts: int = 3
    first_pause: float = 0.1
    longest_pause: float = 5.0
    break_after: int = 5
    """So many failures in a row stop all calls ..."""
    break_for: float = 10.0
    """... for this long; then one call may try."""


_AMONG_OURSELVES: Final = Patience(break_for=1.0)
"""A service of ours that went down is back in a second or two, and others cannot work without it."""


@dataclass(slots=True)
class _Breaker:
    """Counts failures in a row; open while the other side is taken to be down."""

    patience: Patience
    _failures: int = 0
    _opens_at: float = field(default=0.0)

    def remaining(self) -> float:
        """Seconds until the next call may try; 0 when calls may go."""
        if self._failures < self.patience.break_after:
            return 0.0
        return max(0.0, self._opens_at - time.monotonic())

    def enter(self, name: str) -> None:
        """Raises Unavailable while open; lets one call through when the time is up."""
        remaining = self.remaining()
        if remaining > 0:
            raise Unavailable(name, retry_after=remaining)
        if self._failures >= self.patience.break_after:
            self._opens_at = time.monotonic() + self.patience.break_for

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self.patience.break_after:
            self._opens_at = time.monotonic() + self.patience.break_for


class ProviderClient:
    """HTTP to one outside system. Bodies and addresses are never logged."""

    def __init__(self, name: str, client: httpx.AsyncClient, patience: Patience) -> None:
        self.name, self._client, self._patience = name, client, patience
        self._breaker = _Breaker(patience)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        name: str,
        base_url: str,
        *,
        auth: httpx.Auth | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator["ProviderClient"]:
        """A client for the length of a block; `name` is what logs, metrics and health call the system."""
        patience = patience or Patience()
        async with httpx.AsyncClient(
            base_url=base_url,
            auth=auth,
            headers=headers,
            timeout=httpx.Timeout(patience.answer, connect=patience.connect),
            transport=transport,
        ) as client:
            yield cls(name, client, patience)

    async def check(self) -> None:
        """For `Health.add(..., required=False)`: raises Unavailable while the system is taken to be down."""
        remaining = self._breaker.remaining()
        if remaining > 0:
            raise Unavailable(self.name, retry_after=remaining)

    async def request(
        self, method: str, path: str, *, idempotent: bool | None = None, **options: Any
    ) -> httpx.Response:
        """Call and answer any status below 500 but 429; `options` are those of `httpx.AsyncClient.request`.

        Repeated with growing pauses when nothing was sent or the system asks to come again (429), and for
        idempotent requests after lost answers and 5xx too; `idempotent=True` says so of a POST with the provider's own
        idempotence key. Raises Unavailable when the attempts are used up or the system is taken to be down.
        """
        repeatable = method in _REPEATABLE if idempotent is None else idempotent
        pause = 0.0
        for attempt in range(1, self._patience.attempts + 1):
            self._breaker.enter(self.name)
            answer, may_repeat = await self._try(method, path, options, repeatable=repeatable)
            if answer is not None and not _is_failure(answer):
                return answer
            pause = _pause(answer, attempt, self._patience)
            if (
                not may_repeat
                or attempt == self._patience.attempts
                or pause > self._patience.longest_pause
            ):
                break
            await asyncio.sleep(pause)
        raise Unavailable(self.name, retry_after=max(1.0, pause))

    async def _try(
        self, method: str, path: str, options: dict[str, Any], *, repeatable: bool
    ) -> tuple[httpx.Response | None, bool]:
        started_at = time.perf_counter()
        answer: httpx.Response | None = None
        with span(method, self._about(method), SpanKind.CLIENT) as calling:
            try:
                answer = await self._client.request(method, path, **_traced(options))
                status = str(answer.status_code)
                error = status if _is_failure(answer) else ""
                may_repeat = repeatable or answer.status_code == 429
                calling.set_attribute("http.response.status_code", answer.status_code)
            except httpx.TransportError as failure:
                status, error = "", type(failure).__name__
                may_repeat = repeatable or isinstance(failure, _NOTHING_SENT)
            if error:
                fail(calling, error)
        seconds = time.perf_counter() - started_at
        CLIENT_SECONDS.labels(self.name, method, status, error).observe(seconds)
        if error:
            self._breaker.failed()
            _log.warning("provider.failed", adapter=self.name, method=method, reason=error)
        else:
            self._breaker.succeeded()
        return answer, may_repeat

    def _about(self, method: str) -> Attributes:
        address = self._client.base_url
        return {
            "http.request.method": method,
            "url.scheme": address.scheme,
            "server.address": address.host,
            "server.port": address.port or (443 if address.scheme == "https" else 80),
            "service.peer.name": self.name,
        }


def _is_failure(answer: httpx.Response) -> bool:
    return answer.status_code >= 500 or answer.status_code == 429


def _traced(options: dict[str, Any]) -> dict[str, Any]:
    sent = dict(options.get("headers") or {})
    traceparent = current_traceparent()
    if traceparent is not None:
        sent["traceparent"] = traceparent
    return {**options, "headers": sent}


def _pause(answer: httpx.Response | None, attempt: int, patience: Patience) -> float:
    asked = None if answer is None else _retry_after(answer.headers.get("retry-after"))
    if asked is not None:
        return asked
    longest = min(patience.longest_pause, patience.first_pause * 2 ** (attempt - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311 - not for secrets


def _retry_after(header: str | None) -> float | None:
    """Seconds from either form of the header (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


class _TokenAnswer(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime


class ServiceTokens:
    """The tokens this service shows to others, from identity's `POST /internal/service-tokens`, renewed in time."""

    def __init__(
        self, provider: ProviderClient, *, service: str, secret: SecretStr, clock: Clock
    ) -> None:
        self._provider, self._service, self._secret, self._clock = provider, service, secret, clock
        self._tokens: dict[str, _TokenAnswer] = {}
        self._lock = asyncio.Lock()

    async def token(self, audience: str) -> str:
        """A token that the service `audience` accepts for at least some seconds; raises Unavailable."""
        held = self._tokens.get(audience)
        if held is None or held.expires_at - self._clock.now() < _RENEW_BEFORE:
            async with self._lock:
                held = self._tokens.get(audience)
                if held is None or held.expires_at - self._clock.now() < _RENEW_BEFORE:
                    held = self._tokens[audience] = await self._ask(audience)
        return held.token

    def of(self, audience: str) -> Callable[[], Awaitable[str]]:
        """`token` for one audience, as a function."""

        async def token() -> str:
            return await self.token(audience)

        return token

    async def _ask(self, audience: str) -> _TokenAnswer:
        wanted = {
            "service": self._service,
            "secret": self._secret.get_secret_value(),
            "audience": audience,
        }
        answer = await self._provider.request(
            "POST", "/internal/service-tokens", json=wanted, idempotent=True
        )
        if not answer.is_success:
            raise Unavailable("identity")
        try:
            return msgspec.json.decode(answer.content, type=_TokenAnswer)
        except msgspec.MsgspecError:
            raise Unavailable("identity") from None


@asynccontextmanager
async def open_service_tokens(settings: ProcessSettings, kit: Kit) -> AsyncIterator[ServiceTokens]:
    """The tokens of the service that `settings` configure, for the length of a block."""
    async with ProviderClient.open(
        "identity", settings.identity_url, patience=_AMONG_OURSELVES
    ) as provider:
        yield ServiceTokens(
            provider, service=kit.service, secret=settings.service_secret, clock=kit.clock
        )


class ServiceClient:
    """HTTP to another service of the suite, with a token for it, the tenant, the trace and the correlation."""

    def __init__(self, provider: ProviderClient, token: Callable[[], Awaitable[str]]) -> None:
        self._provider, self._token = provider, token

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        base_url: str,
        *,
        audience: str,
        tokens: ServiceTokens,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator["ServiceClient"]:
        """A client of the service `audience` for the length of a block."""
        async with ProviderClient.open(
            audience, base_url, patience=patience or _AMONG_OURSELVES, transport=transport
        ) as provider:
            yield cls(provider, tokens.of(audience))

    async def request(
        self,
        method: str,
        path: str,
        *,
        tenant: str | None,
        idempotent: bool | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Call and answer any status below 500 but 429; raises Unavailable.

        `tenant` is None for routes that are about all tenants.
        """
        sent = {
            **(options.pop("headers", None) or {}),
            "Authorization": f"Bearer {await self._token()}",
        }
        if tenant is not None:
            sent[TENANT_HEADER] = tenant
        correlation = structlog.contextvars.get_contextvars().get("correlation_id")
        if correlation is not None:
            sent[CORRELATION_HEADER] = correlation
        return await self._provider.request(
            method, path, idempotent=idempotent, headers=sent, **options
        )

    async def check(self) -> None:
        """For `Health.add(..., required=False)`."""
        await self._provider.check()

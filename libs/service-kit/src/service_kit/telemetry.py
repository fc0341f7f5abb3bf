"""Around every request: correlation, one span, one log line, one measurement, a limit on its body, a plain 500."""

import time
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.access import DEFAULT_BODY_BYTES
from service_kit.logging import AccessLog
from service_kit.metrics import SERVER_SECONDS
from service_kit.problems import internal_error
from service_kit.requests import CORRELATION_HEADER, RequestFacts, route_template
from service_kit.tracing import end_server_span, start_server_span

__all__ = ["Telemetry"]

_UNOBSERVED: Final = frozenset({"/livez", "/readyz", "/metrics"})
_CORRELATION: Final = CORRELATION_HEADER.lower().encode()
_log = structlog.get_logger()


class Telemetry:
    """Pure ASGI: it adds no task and buffers nothing."""

    def __init__(
        self,
        app: ASGIApp,
        service: str,
        body_limits: Mapping[object, int],
        *,
        follows_traces: bool = True,
    ) -> None:
        """`body_limits`: the largest body in bytes by endpoint, where it is not the default.

        `follows_traces`: whether a caller's trace goes on here, sampled as the caller has decided; where strangers
        call, each could have every span of its requests exported.
        """
        self.app, self._body_limits = app, body_limits
        self._follows_traces = follows_traces
        self._log = AccessLog(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or serve one WebSocket."""
        if scope["type"] == "lifespan" or scope["path"] in _UNOBSERVED:
            await self.app(scope, receive, send)
            return
        started_at = time.perf_counter()
        facts = RequestFacts(scope)
        correlation = str(facts.correlation)
        exchange = _Exchange(scope, receive, send, facts, self._body_limits)
        bound = structlog.contextvars.bind_contextvars(correlation_id=correlation)
        above = facts.header("traceparent") if self._follows_traces else None
        span, current = start_server_span(above)
        try:
            await exchange.run(self.app)
        finally:
            route, method = route_template(scope), scope.get("method", "GET")
            seconds = time.perf_counter() - started_at
            SERVER_SECONDS.labels(method, route, exchange.status).observe(seconds)
            self._log.answered(correlation, method, route, exchange.status, seconds)
            end_server_span(
                span,
                current,
                method=method,
                route=route,
                status=exchange.status,
                scheme=scope.get("scheme", "http"),
                server=scope.get("server"),
            )
            structlog.contextvars.reset_contextvars(**bound)


class _Exchange:
    """One request and its answer, watched as they pass."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        facts: RequestFacts,
        body_limits: Mapping[object, int],
    ) -> None:
        self.status = 0
        self._facts = facts
        self._scope, self._receive, self._send = scope, receive, send
        self._body_limits = body_limits
        self._limit: int | None = None
        self._received = 0

    async def run(self, app: ASGIApp) -> None:
        """Answer; a bug is logged with its place and answered with nothing but a reference."""
        try:
            await app(self._scope, self.receive, self.send)
        except Exception as bug:
            _log.error("http.failed", route=route_template(self._scope), exc_info=bug)
            if self.status or self._scope["type"] != "http":
                raise
            await internal_error(Request(self._scope))(self._scope, self._receive, self.send)

    async def receive(self) -> Message:
        """Pass the body on as long as it is within the limit of its route, which is known by now."""
        if self._limit is None:
            self._limit = self._body_limits.get(self._scope.get("endpoint"), DEFAULT_BODY_BYTES)
            announced = self._facts.header("content-length") or "0"
            if announced.isdecimal() and int(announced) > self._limit:
                raise HTTPException(413)
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limit:
                raise HTTPException(413)
        return message

    async def send(self, message: Message) -> None:
        """Note the status and name the correlation."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append((_CORRELATION, str(self._facts.correlation).encode()))
        elif message["type"] == "websocket.accept":
            self.status = 101
        elif message["type"] == "websocket.http.response.start":
            self.status = message["status"]
        await self._send(message)

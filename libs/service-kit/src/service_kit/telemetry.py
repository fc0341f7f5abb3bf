"""Around every request: correlation, one span, one log line, one measurement, a limit on its body, a plain 500."""

import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.access import DEFAULT_BODY_BYTES
from service_kit.ids import new_id
from service_kit.metrics import HTTP_SECONDS
from service_kit.problems import internal_error
from service_kit.requests import CORRELATION_HEADER, route_template, set_correlation
from service_kit.tracing import span

__all__ = ["Telemetry"]

_UNOBSERVED: Final = frozenset({"/livez", "/readyz", "/metrics"})
_log = structlog.get_logger()


class Telemetry:
    """Pure ASGI: it adds no task and buffers nothing."""

    def __init__(self, app: ASGIApp, body_limits: Mapping[object, int]) -> None:
        """`body_limits`: the largest body in bytes by endpoint, where it is not the default."""
        self.app, self._body_limits = app, body_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or serve one WebSocket."""
        if scope["type"] == "lifespan" or scope["path"] in _UNOBSERVED:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        correlation = _correlation(headers.get(CORRELATION_HEADER))
        set_correlation(scope, correlation)
        exchange = _Exchange(scope, receive, send, str(correlation), self._body_limits)
        with (
            structlog.contextvars.bound_contextvars(correlation_id=exchange.correlation),
            span("http", parent=headers.get("traceparent"), kind=SpanKind.SERVER) as current,
        ):
            await exchange.run(self.app)
            route, method = route_template(scope), scope.get("method", "WS")
            if current.is_recording():
                current.update_name(f"{method} {route}")
                current.set_attributes(
                    {"http.route": route, "http.response.status_code": exchange.status}
                )
                if exchange.status >= 500:
                    current.set_status(StatusCode.ERROR)
            seconds = time.perf_counter() - exchange.started_at
            HTTP_SECONDS.labels(method, route, exchange.status).observe(seconds)
            _log.info(
                "http.answered",
                method=method,
                route=route,
                status=exchange.status,
                duration_ms=round(seconds * 1000, 2),
            )


def _correlation(text: str | None) -> UUID:
    try:
        return new_id() if text is None else UUID(text)
    except ValueError:
        return new_id()


class _Exchange:
    """One request and its answer, watched as they pass."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        correlation: str,
        body_limits: Mapping[object, int],
    ) -> None:
        self.started_at = time.perf_counter()
        self.status = 0
        self.correlation = correlation
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
            announced = Headers(scope=self._scope).get("content-length", "0")
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
            MutableHeaders(scope=message)[CORRELATION_HEADER] = self.correlation
        elif message["type"] == "websocket.accept":
            self.status = 101
        elif message["type"] == "websocket.http.response.start":
            self.status = message["status"]
        await self._send(message)

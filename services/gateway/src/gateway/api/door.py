"""Every public operation comes through here: known path, known caller, bounded rate, kept answers, captcha, carried."""

import hashlib
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import aiohttp
import msgspec
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter
from opentelemetry.trace import SpanKind
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from gateway.adapters.kept_answers import Answer, InFlight, KeptAnswers, Reused, Ticket
from gateway.adapters.upstream import HOP_BY_HOP, Upstream
from gateway.captcha import Captcha, Unproven
from gateway.routing import OWN, Operation, RoutingTable
from service_kit.access import CAPTCHA_HEADER, TENANT_HEADER
from service_kit.errors import Unavailable
from service_kit.kit import Kit
from service_kit.problems import Denied, Problem
from service_kit.requests import CORRELATION_HEADER, RequestFacts, facts_of
from service_kit.tokens import InvalidToken, Token
from service_kit.tracing import current_traceparent, span

__all__ = ["Door", "Limits", "passed_on"]

_OWN: Final = frozenset({CORRELATION_HEADER.lower(), "x-forwarded-for", "traceparent"})
_NOT_PASSED_ON: Final = frozenset(
    name.encode() for name in HOP_BY_HOP | _OWN | {CAPTCHA_HEADER.lower()}
)
_NOT_PASSED_BACK: Final = HOP_BY_HOP | _OWN | {"date", "server"}
_LARGEST_KEPT: Final = 1 << 20
"""Larger bodies are streamed: their requests are told apart by length and type only."""
_SIGN_OUT: Final = "sign_out"
_MAY_CHANGE: Final = frozenset({202, 401, 408, 409, 425, 429})
"""Refusals that a repeat of the same request may outlive, and what is accepted but not decided yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one address may call what needs no token; reads with a token are not counted."""

    limiter: MovingWindowRateLimiter
    reads: RateLimitItem
    writes: RateLimitItem

    @classmethod
    def per_minute(cls, limiter: MovingWindowRateLimiter, *, reads: int, writes: int) -> "Limits":
        """The same for every anonymous operation."""
        return cls(limiter, RateLimitItemPerMinute(reads), RateLimitItemPerMinute(writes))

    async def admit(self, operation: Operation, address: str) -> None:
        """Raises 429 RATE_LIMITED when the address has used up its share."""
        item = self.reads if operation.safe else self.writes
        if not await self.limiter.hit(item, operation.name, address):
            reset, _ = await self.limiter.get_window_stats(item, operation.name, address)
            raise Problem(429, "RATE_LIMITED", headers={"Retry-After": str(_seconds_until(reset))})


def _nobody_is_told(_session_id: UUID, _until: datetime) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a request passes. `signed_out` is told of each sign-out that passed, and the end of its token.

    Without a `captcha` nobody has to solve one.
    """

    kit: Kit
    table: RoutingTable
    upstream: Upstream
    answers: KeptAnswers
    limits: Limits
    captcha: Captcha | None = None
    signed_out: Callable[[UUID, datetime], None] = _nobody_is_told

    async def answer(self, request: Request) -> Response:
        """Carry one request to its service and its answer back."""
        operation = self._operation(request)
        # By these the telemetry names the request and bounds its body.
        request.scope["route"] = request.scope["endpoint"] = operation
        facts = facts_of(request)
        # Told before anything is read; a body that grows beyond it on its way only loses its connection.
        if _announced(facts) > operation.max_body_bytes:
            raise Problem(413, "BODY_TOO_LARGE")
        token = await self._caller(operation, facts)
        # What strangers may change is bounded for everybody: an account is had for the asking.
        counted = token is None or (operation.anonymous and not operation.safe)
        if counted and not operation.is_callback:
            await self.limits.admit(operation, _address(request))
        if operation.service == OWN:
            return self._challenge()
        proof = self._proof(operation, token, facts)
        key = facts.header("idempotency-key")
        if proof is not None and key is None:
            raise Problem(400, "IDEMPOTENCY_KEY_REQUIRED")
        if not operation.keeps_answers or key is None:
            response = await self._carry(request, operation, _passing_body(request, facts))
            if operation.name == _SIGN_OUT and response.status_code == 204:
                self._end(token)
            return response
        return await self._carry_once(request, operation, _scope(token, facts), key, proof)

    def _operation(self, request: Request) -> Operation:
        path = request.scope["path"]
        match self.table.find(request.method, path):
            case Operation() as operation:
                return operation
            case None:
                raise Problem(404, "NOT_FOUND")
            case methods:
                raise Problem(405, "METHOD_NOT_ALLOWED", headers={"Allow": ", ".join(methods)})

    async def _caller(self, operation: Operation, facts: RequestFacts) -> Token | None:
        scheme, _, text = (facts.header("authorization") or "").partition(" ")
        if not text:
            if operation.anonymous:
                return None
            raise _unauthorized("TOKEN_REQUIRED")
        if scheme.lower() != "bearer":
            raise _unauthorized("TOKEN_INVALID")
        try:
            token = await self.kit.tokens.verify(text)
        except InvalidToken:
            raise _unauthorized("TOKEN_INVALID") from None
        if token.session_id is not None and await self.kit.guard.has_ended(token.session_id):
            raise _unauthorized("SESSION_ENDED")
        facts.account_language = token.language
        return token

    def _challenge(self) -> Response:
        if self.captcha is None:
            raise Problem(404, "NOT_FOUND")
        return Response(
            msgspec.json.encode(self.captcha.challenge(self.kit.clock.now())),
            headers={"Cache-Control": "no-store"},
            media_type="application/json",
        )

    def _proof(
        self, operation: Operation, token: Token | None, facts: RequestFacts
    ) -> "_Proof | None":
        """What has to be redeemed; None where nothing has. Nothing is kept for who shows nothing."""
        if self.captcha is None or not operation.captcha:
            return None
        # An account is had for the asking: it spares the captcha only where it means something to the service.
        if token is not None and not operation.anonymous_only:
            return None
        solution = facts.header(CAPTCHA_HEADER)
        if not solution:
            raise Denied("CAPTCHA_REQUIRED")
        return _Proof(self.captcha, solution)

    async def _redeem(self, proof: "_Proof", ticket: Ticket, address: str) -> None:
        """After the kept answers: who asks again gets the first one, however old the solution is by then."""
        redeemed = False
        try:
            await proof.captcha.redeem(
                proof.solution, by=ticket.repeated, address=address, now=ticket.started_at
            )
            redeemed = True
        except Unproven:
            raise Denied("CAPTCHA_INVALID") from None
        finally:
            if not redeemed:
                await self.answers.forget(ticket)

    def _end(self, token: Token | None) -> None:
        """The session ends here with the answer (IDN-27), at other gateways within the guard's interval."""
        if token is not None and token.session_id is not None:
            self.signed_out(token.session_id, token.expires_at)

    async def _carry_once(
        self,
        request: Request,
        operation: Operation,
        scope: str,
        key: str,
        proof: "_Proof | None",
    ) -> Response:
        body, digest = await _body_and_digest(request)
        try:
            begun = await self.answers.begin(scope, key, digest, self.kit.clock.now())
        except InFlight:
            raise Problem(409, "REQUEST_IN_FLIGHT", headers={"Retry-After": "1"}) from None
        except Reused:
            raise Problem(422, "IDEMPOTENCY_KEY_REUSED") from None
        if isinstance(begun, Answer):
            return _response(begun, replayed=True)
        if proof is not None:
            await self._redeem(proof, begun, _address(request))
        return await self._carry_and_keep(request, operation, body, begun)

    async def _carry_and_keep(
        self,
        request: Request,
        operation: Operation,
        body: bytes | AsyncIterator[bytes] | None,
        ticket: Ticket,
    ) -> Response:
        answer: Answer | None = None
        try:
            async with await self._ask(request, operation, body) as upstream:
                answer = Answer(
                    upstream.status, _passed_back(upstream), await _whole(upstream, operation)
                )
        finally:
            if answer is None or not _is_final(answer.status):
                await self.answers.forget(ticket)
        if _is_final(answer.status):
            await self.answers.keep(ticket, answer)
        return _response(answer)

    async def _carry(
        self,
        request: Request,
        operation: Operation,
        body: bytes | AsyncIterator[bytes] | None,
    ) -> Response:
        upstream = await self._ask(request, operation, body)
        headers = _passed_back(upstream)
        if (upstream.content_length or _LARGEST_KEPT) < _LARGEST_KEPT:
            async with upstream:
                whole = await _whole(upstream, operation)
            return _response(Answer(upstream.status, headers, whole))
        response = StreamingResponse(_chunks(upstream), upstream.status)
        response.raw_headers = _raw(headers)
        return response

    async def _ask(
        self,
        request: Request,
        operation: Operation,
        body: bytes | AsyncIterator[bytes] | None,
    ) -> aiohttp.ClientResponse:
        path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"]
        if query:
            path = f"{path}?{query.decode('latin-1')}"
        name = f"{request.method} {operation.path}"
        with span(name, _about(request, operation), SpanKind.CLIENT) as asking:
            answer = await self.upstream.ask(
                operation.service, request.method, path, passed_on(request), body
            )
            asking.set_attribute("http.response.status_code", answer.status)
        return answer


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a stranger shows, and who can tell what it is worth."""

    captcha: Captcha
    solution: str


def _about(request: Request, operation: Operation) -> Mapping[str, str]:
    return {
        "http.request.method": request.method,
        "url.template": operation.path,
        "service.peer.name": operation.service,
    }


def passed_on(connection: HTTPConnection) -> list[tuple[str, str]]:
    """The client's headers, and the trace, correlation and address that the gateway vouches for."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in connection.scope["headers"]
        if name not in _NOT_PASSED_ON
    ]
    headers.append((CORRELATION_HEADER, str(facts_of(connection).correlation)))
    headers.append(("X-Forwarded-For", _address(connection)))
    trace = current_traceparent()
    if trace is not None:
        headers.append(("traceparent", trace))
    return headers


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def _announced(facts: RequestFacts) -> int:
    length = facts.header("content-length") or ""
    return int(length) if length.isdecimal() else 0


async def _body_and_digest(request: Request) -> tuple[bytes | AsyncIterator[bytes] | None, bytes]:
    """The body, read whole when it is small, and what tells this request from others."""
    facts = facts_of(request)
    path, query = request.scope["path"], request.scope["query_string"]
    digest = hashlib.sha256(f"{request.method} {path}?".encode() + query)
    length = facts.header("content-length") or ""
    if not length.isdecimal() or int(length) > _LARGEST_KEPT:
        digest.update(f"{length} {facts.header('content-type')}".encode())
        return request.stream(), digest.digest()
    body = await request.body()
    digest.update(body)
    return body, digest.digest()


def _passing_body(request: Request, facts: RequestFacts) -> AsyncIterator[bytes] | None:
    has_body = facts.header("content-length") not in (None, "0") or facts.header(
        "transfer-encoding"
    )
    return request.stream() if has_body else None


async def _whole(upstream: aiohttp.ClientResponse, operation: Operation) -> bytes:
    try:
        return await upstream.read()
    except (aiohttp.ClientError, TimeoutError) as failure:
        raise Unavailable(operation.service) from failure


async def _chunks(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with upstream:
        async for chunk in upstream.content.iter_chunked(1 << 16):
            yield chunk


def _passed_back(upstream: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    return [
        (str(name), value)
        for name, value in upstream.headers.items()
        if name.lower() not in _NOT_PASSED_BACK
    ]


def _response(answer: Answer, *, replayed: bool = False) -> Response:
    response = Response(answer.body, answer.status)
    headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
    if replayed:
        headers.append(("Idempotency-Replayed", "true"))
    response.raw_headers = _raw(headers)
    return response


def _raw(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _is_final(status: int) -> bool:
    return status < 500 and status not in _MAY_CHANGE


def _scope(token: Token | None, facts: RequestFacts) -> str:
    if token is None:
        return f"{facts.header(TENANT_HEADER)}/anonymous"
    return f"{token.tenant}/{token.account_id}"


def _seconds_until(reset: float) -> int:
    return max(1, math.ceil(reset - time.time()))


def _unauthorized(code: str) -> Problem:
    return Problem(401, code, headers={"WWW-Authenticate": "Bearer"})

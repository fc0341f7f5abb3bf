"""Every refusal as `application/problem+json` (RFC 9457), with a stable code and a title in the reader's language."""

import math
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

from decider import Rejection
from event_store import AppendConflict, IdempotencyViolation, StoreUnavailable, UnstorableText
from file_store import FileStoreUnavailable
from privacy.errors import KeyUnavailable, SubjectErased
from service_kit.database import DATABASE_DOWN
from service_kit.errors import ConfigurationError, Unavailable
from service_kit.metrics import REJECTIONS
from service_kit.requests import facts_of, kit_of, language_of
from service_kit.texts import Language, Texts
from vocabulary.errors import InvalidValue

__all__ = [
    "EXPECTED",
    "MEDIA_TYPE",
    "Denied",
    "NotFound",
    "Problem",
    "ProblemTable",
    "install_problems",
    "problem_document",
    "problem_of",
    "problem_type",
    "render_problem",
]

MEDIA_TYPE: Final = "application/problem+json"
_log = structlog.get_logger()

_FAILURES: Final = (
    InvalidValue,
    AppendConflict,
    IdempotencyViolation,
    UnstorableText,
    SubjectErased,
    Unavailable,
    StoreUnavailable,
    KeyUnavailable,
    FileStoreUnavailable,
    *DATABASE_DOWN,
)
_FIELD_CODES: Final = {
    "missing": "MISSING",
    "extra_forbidden": "UNKNOWN_FIELD",
    "json_invalid": "JSON_INVALID",
    "string_too_short": "TOO_SHORT",
    "too_short": "TOO_SHORT",
    "string_too_long": "TOO_LONG",
    "too_long": "TOO_LONG",
    "greater_than": "OUT_OF_RANGE",
    "greater_than_equal": "OUT_OF_RANGE",
    "less_than": "OUT_OF_RANGE",
    "less_than_equal": "OUT_OF_RANGE",
}
_HTTP_CODES: Final = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_FAILED",
    503: "UNAVAILABLE",
}


class Problem(Exception):
    """A refusal that is not a rule's: `code` must be in the catalogue as `problems.<code>`."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        facts: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code = status, code
        self.facts, self.headers = dict(facts or {}), dict(headers or {})
        self.errors: Sequence[Mapping[str, str]] = ()


class NotFound(Problem):
    """There is no such thing, or the caller may not know of it."""

    def __init__(self) -> None:
        super().__init__(404, "NOT_FOUND")


class Denied(Problem):
    """The caller may not do this, for a reason with a code (GW-24)."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(403, code, facts=facts)


class ProblemTable:
    """Which status each rejection of a service answers with; a base class stands for its subclasses."""

    def __init__(self, rows: Mapping[type[Rejection], int]) -> None:
        self.rows = dict(rows)

    def status(self, rejection: type[Rejection]) -> int | None:
        """The status for a rejection, or None when no row covers it."""
        return next((self.rows[kind] for kind in rejection.__mro__ if kind in self.rows), None)

    def of(self, *rejections: type[Rejection]) -> dict[int | str, dict[str, Any]]:
        """For `responses=` of a route: the rejections it can answer with, by status."""
        codes: dict[int, list[str]] = {}
        for rejection in rejections:
            status = self.status(rejection)
            if status is None:
                raise ConfigurationError(
                    f"{rejection.__name__} has no row in the table of problems"
                )
            codes.setdefault(status, []).append(rejection.code)
        return {
            status: {"description": ", ".join(names), "x-codes": names}
            for status, names in codes.items()
        }

    def findings(self, service: str, texts: Texts) -> list[str]:
        """What is missing: rejections of `service` without a row, rows without a title."""
        findings = [
            f"{kind.__name__} has no row in the table of problems"
            for kind in _rejections(Rejection)
            if kind.__module__.split(".")[0] == service and self.status(kind) is None
        ]
        return findings + [
            f"text problems.{kind.code} is missing"
            for kind in self.rows
            if "code" in vars(kind) and f"problems.{kind.code}" not in texts
        ]


def _rejections(base: type[Rejection]) -> Iterable[type[Rejection]]:
    for kind in base.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from _rejections(kind)


EXPECTED: Final = (Problem, Rejection, *_FAILURES)
"""What a connection that lives on may answer in a frame with `problem_of`; anything else is a bug."""


def problem_of(refusal: Exception, connection: HTTPConnection, table: ProblemTable) -> Problem:
    """The problem that stands for one of `EXPECTED`; a rejection without a row is raised again."""
    if isinstance(refusal, Rejection):
        status = table.status(type(refusal))
        if status is None:
            raise refusal
        REJECTIONS.labels(refusal.code).inc()
        return Problem(status, refusal.code, facts=refusal.facts)
    return _problem_of(refusal, connection)


def install_problems(app: Starlette, table: ProblemTable) -> None:
    """Answer every refusal and failure of `app` with a problem document."""

    async def rejected(connection: HTTPConnection, exc: Exception) -> Response | None:
        return await _answer(connection, problem_of(exc, connection, table))

    app.add_exception_handler(Rejection, rejected)  # type: ignore[arg-type]  # also for WebSockets
    for kind in (Problem, HTTPException, RequestValidationError, *_FAILURES):
        app.add_exception_handler(kind, _known)  # type: ignore[arg-type]  # also for WebSockets


async def _known(connection: HTTPConnection, exc: Exception) -> Response | None:
    return await _answer(connection, _problem_of(exc, connection))


def _problem_of(exc: Exception, connection: HTTPConnection) -> Problem:
    match exc:
        case Problem():
            return exc
        case RequestValidationError():
            return _invalid(exc, connection)
        case HTTPException(status_code=status):
            code = _HTTP_CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL")
            return Problem(status, code, headers=exc.headers)
        case InvalidValue(code=code) | UnstorableText(code=code):
            # A list whose view makes its cursors answers as one that reads them with `PageQuery.place`.
            return Problem(400 if code == "CURSOR_INVALID" else 422, code)
        case AppendConflict():
            pinned = facts_of(connection).header("if-match")
            return Problem(412, "VERSION_CHANGED") if pinned else Problem(409, "CONCURRENT_CHANGE")
        case IdempotencyViolation():
            return Problem(422, "IDEMPOTENCY_KEY_REUSED")
        case SubjectErased():
            return Problem(410, "SUBJECT_ERASED")
        case _:
            retry_after = exc.retry_after if isinstance(exc, Unavailable) else 1.0
            _log.warning(
                "http.unavailable", error=type(exc).__name__, adapter=getattr(exc, "what", None)
            )
            return Problem(503, "UNAVAILABLE", headers={"Retry-After": str(math.ceil(retry_after))})


def _invalid(exc: RequestValidationError, connection: HTTPConnection) -> Problem:
    texts, language = kit_of(connection).texts, language_of(connection)
    problem = Problem(422, "VALIDATION_FAILED")
    problem.errors = [_field_error(error, texts, language) for error in exc.errors()]
    return problem


def _field_error(error: Mapping[str, Any], texts: Texts, language: Language) -> dict[str, str]:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidValue) and f"problems.{cause.code}" in texts:
        return _located(error, cause.code, texts.render(f"problems.{cause.code}", language))
    code = (
        cause.code
        if isinstance(cause, InvalidValue)
        else _FIELD_CODES.get(error["type"], "INVALID")
    )
    shown = code if f"fields.{code}" in texts else "INVALID"
    return _located(error, code, texts.render(f"fields.{shown}", language))


def _located(error: Mapping[str, Any], code: str, message: str) -> dict[str, str]:
    place, *path = (str(part) for part in error["loc"])
    pointer = "/".join(path) if code != "JSON_INVALID" else ""
    return {"in": place, "field": pointer, "code": code, "message": message}


async def _answer(connection: HTTPConnection, problem: Problem) -> Response | None:
    """The response for Starlette to send; None for a WebSocket that can only be closed."""
    if isinstance(connection, WebSocket):
        waiting = connection.application_state is WebSocketState.CONNECTING
        if not waiting or "websocket.http.response" not in connection.scope.get("extensions", {}):
            await connection.close(1008, problem.code)
            return None
    return render_problem(connection, problem)


def render_problem(connection: HTTPConnection, problem: Problem) -> Response:
    """The answer for a problem, in the language of the request."""
    texts, language = kit_of(connection).texts, language_of(connection)
    body = problem_document(problem, texts, language)
    body["instance"] = connection.url.path
    body["correlation_id"] = str(facts_of(connection).correlation)
    headers = {"Content-Language": language, **problem.headers}
    return Response(_encode(body), problem.status, headers, MEDIA_TYPE)


def problem_document(problem: Problem, texts: Texts, language: Language) -> dict[str, object]:
    """The members that do not depend on a request."""
    body: dict[str, object] = {
        "type": problem_type(problem.code),
        "title": _title(problem, texts, language),
        "status": problem.status,
        "code": problem.code,
    }
    if f"problem_details.{problem.code}" in texts:
        body["detail"] = texts.render(f"problem_details.{problem.code}", language, **problem.facts)
    if problem.errors:
        body["errors"] = problem.errors
    if problem.facts:
        body["facts"] = problem.facts
    return body


def _title(problem: Problem, texts: Texts, language: Language) -> str:
    if f"problems.{problem.code}" in texts:
        return texts.render(f"problems.{problem.code}", language, **problem.facts)
    return HTTPStatus(problem.status).phrase


def problem_type(code: str) -> str:
    """The type URI of a code; it names the problem and is not an address."""
    return f"urn:kabinet:problem:{code.lower().replace('_', '-')}"


def _encode(body: object) -> bytes:
    return msgspec.json.encode(body, enc_hook=str)


def internal_error(request: Request) -> Response:
    """The answer to a bug: no detail, only where to look it up."""
    return render_problem(request, Problem(500, "INTERNAL"))

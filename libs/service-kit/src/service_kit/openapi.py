"""The OpenAPI 3.1 document of an application, with the problems that each route can answer with."""

from collections.abc import Iterable
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service_kit.access import CAPTCHA_HEADER, SAFE_METHODS, TENANT_HEADER, Access, Ownership
from service_kit.problems import MEDIA_TYPE, Problem, problem_document, problem_type
from service_kit.reads import POSITION_HEADER
from service_kit.requests import CORRELATION_HEADER
from service_kit.routes import GuardedRoute, guarded_routes
from service_kit.texts import Texts

__all__ = ["INTERNAL", "LIVE", "openapi_document"]

INTERNAL: Final = "internal"
"""The tag of routes for other services."""
LIVE: Final = "x-live"
"""The extension that lists the paths of WebSockets, for which OpenAPI has no form."""

_PROBLEM: Final = {
    "type": "object",
    "description": "What went wrong (RFC 9457); `code` is stable",
    "required": ["type", "title", "status", "code", "instance", "correlation_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string"},
        "correlation_id": {"type": "string", "format": "uuid"},
        "facts": {"type": "object"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "code", "message"],
                "properties": {
                    name: {"type": "string"} for name in ("in", "field", "code", "message")
                },
            },
        },
    },
}


def openapi_document(app: FastAPI, *, public_only: bool = False) -> dict[str, Any]:
    """Describe all routes of `app`, or only those that are not tagged `internal`."""
    routes = [
        route for route in guarded_routes(app) if not (public_only and INTERNAL in route.tags)
    ]
    live = sorted(route.path for route in routes if route.method == "WS")
    routes = [route for route in routes if route.method != "WS"]
    document = get_openapi(
        title=app.title, version=app.version, routes=[route.context for route in _once(routes)]
    )
    if live:
        document[LIVE] = live
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for route in routes:
        operation = document["paths"][route.path][route.method.lower()]
        _describe(operation, route, app.state.kit.texts)
    return document


def _once(routes: Iterable[GuardedRoute]) -> Iterable[GuardedRoute]:
    return {(route.path, route.name): route for route in routes}.values()


def _describe(operation: dict[str, Any], route: GuardedRoute, texts: Texts) -> None:
    access = route.guards[0]
    operation["operationId"] = route.name
    operation["x-access"] = {
        "action": access.action,
        "roles": {role: str(reach) for role, reach in access.roles.items()},
        "assurance": access.assurance,
        "max_body_bytes": access.max_body_bytes,
        **({"captcha": True} if access.captcha else {}),
    }
    if access.roles.keys() != {"anonymous"}:
        operation["security"] = [{"token": []}, *([{}] if "anonymous" in access.roles else [])]
    operation.setdefault("parameters", []).extend(_headers(route, access))
    responses = operation["responses"]
    if "content" in responses.get("422", {}):
        del responses["422"]
    for status, codes in _common_codes(route, access).items():
        response = responses.setdefault(str(status), {})
        response["x-codes"] = [*cast(list[str], response.get("x-codes", [])), *codes]
    for status, response in responses.items():
        if "x-codes" in response:
            _show_problems(int(status), response, texts)


def _headers(route: GuardedRoute, access: Access) -> Iterable[dict[str, Any]]:
    if access.tenant and access.roles.keys() & {"anonymous", "service"}:
        yield _header(TENANT_HEADER, "The clinic, when the token does not name it")
    if access.captcha:
        yield _header(
            CAPTCHA_HEADER,
            "What strangers show: a challenge of `GET /api/v1/captcha`, solved, good for one request and its repeats",
        )
    yield _header(CORRELATION_HEADER, "A UUID that names the whole story in logs and events")
    if route.method in SAFE_METHODS:
        yield _header(
            POSITION_HEADER, "The position of an earlier answer: the read waits until it shows it"
        )
    else:
        yield _header(
            "Idempotency-Key",
            "The same key again changes nothing",
            required=_needs_key(route, access),
        )
        yield _header("If-Match", "The `ETag` of the version that is to be changed")


def _header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": schema,
    }


def _needs_key(route: GuardedRoute, access: Access) -> bool:
    return (
        route.method not in SAFE_METHODS
        and access.idempotency_key
        and access.roles.keys() != {"service"}
    )


def _common_codes(route: GuardedRoute, access: Access) -> dict[int, list[str]]:
    codes: dict[int, list[str]] = {422: ["VALIDATION_FAILED"], 503: ["UNAVAILABLE"]}
    if access.roles.keys() != {"anonymous"}:
        codes[401] = ["TOKEN_REQUIRED", "TOKEN_INVALID", "SESSION_ENDED"]
        codes[403] = ["ACTION_NOT_ALLOWED", "TENANT_MISMATCH"]
        if Ownership.OWN in access.roles.values():
            codes[403].append("NOT_YOURS")
        if access.assurance == "confirmed":
            codes[403].append("ASSURANCE_REQUIRED")
    if access.captcha:
        codes[403] = [*codes.get(403, ()), "CAPTCHA_REQUIRED", "CAPTCHA_INVALID"]
    if "{" in route.path:
        codes[404] = ["NOT_FOUND"]
    if route.method in SAFE_METHODS:
        codes[409] = ["VIEW_BEHIND"]
        return codes
    codes[409], codes[412] = ["CONCURRENT_CHANGE"], ["VERSION_CHANGED"]
    codes[422].append("IDEMPOTENCY_KEY_REUSED")
    if _needs_key(route, access):
        codes[400] = ["IDEMPOTENCY_KEY_REQUIRED"]
    return codes


def _show_problems(status: int, response: dict[str, Any], texts: Texts) -> None:
    codes = list(dict.fromkeys(response.pop("x-codes")))
    response["description"] = ", ".join(codes)
    examples = {code: {"value": _example(status, code, texts)} for code in codes}
    response["content"] = {
        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    }


def _example(status: int, code: str, texts: Texts) -> dict[str, object]:
    try:
        document = problem_document(Problem(status, code), texts, "en")
    except KeyError:  # a title with facts in it, which only an occurrence has
        document = {"type": problem_type(code), "title": code, "status": status, "code": code}
    return document

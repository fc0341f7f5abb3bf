"""An HTTP application of a service: its routers behind the door, the problem documents and the telemetry."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from service_kit.access import AccessTable
from service_kit.errors import ConfigurationError
from service_kit.health import health_routes
from service_kit.kit import Kit
from service_kit.metrics import metrics_route
from service_kit.openapi import openapi_document
from service_kit.problems import ProblemTable, install_problems
from service_kit.reads import Views
from service_kit.routes import guarded_routes
from service_kit.telemetry import Telemetry

__all__ = ["create_app"]

_NO_NATIVE_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
}


def create_app(
    kit: Kit,
    *,
    routers: Sequence[APIRouter],
    access: AccessTable,
    problems: ProblemTable,
    views: Views | None = None,
    state: Mapping[str, object] | None = None,
) -> FastAPI:
    """Put an application together; `state` becomes attributes of `request.app.state`.

    Raises ConfigurationError with everything that does not fit: a route without its one row of `access` or a row
    without a route, a rejection without a row in `problems`, a code without a title, a dependency that would be
    called in a thread for every request.
    """
    app = FastAPI(
        title=f"Kabinet: {kit.service}",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=_NO_NATIVE_TELEMETRY,
    )
    app.state.kit, app.state.views = kit, views
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    install_problems(app, problems)
    # The routes themselves, not `include_router`: matching through an included router costs more per request, and
    # what it would add (a prefix, overrides of dependencies) is not used here.
    app.router.routes.extend(route for router in routers for route in router.routes)
    app.router.routes.extend([*health_routes(kit.health), metrics_route()])
    _check(app, kit, access, problems)
    limits = {
        route.endpoint: guard.max_body_bytes
        for route in guarded_routes(app)
        for guard in route.guards
    }
    app.add_middleware(Telemetry, service=kit.service, body_limits=limits)
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _check(app: FastAPI, kit: Kit, access: AccessTable, problems: ProblemTable) -> None:
    findings = problems.findings(kit.service.replace("-", "_"), kit.texts)
    used: set[str] = set()
    names: set[str] = set()
    for route in guarded_routes(app):
        if len(route.guards) != 1 or not access.covers(route.guards[0]):
            findings.append(
                f"{route.method} {route.path} is not guarded by one row of the table of access"
            )
        findings += [
            f"{route.method} {route.path}: {name} is called in a thread; make it async"
            for name in route.threaded
        ]
        used |= {guard.action for guard in route.guards}
        if route.name in names:
            findings.append(f"two routes are named {route.name}")
        names.add(route.name)
    findings += [
        f"access row {row.action} guards no route" for row in access if row.action not in used
    ]
    if findings:
        raise ConfigurationError(*findings)

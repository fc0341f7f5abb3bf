"""Prometheus metrics that every process has; a module with metrics of its own declares them the same way."""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = [
    "HTTP_SECONDS",
    "LAG",
    "PROVIDER_SECONDS",
    "REJECTIONS",
    "TASK_CRASHES",
    "metrics_route",
]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HTTP_SECONDS: Final = Histogram(
    "kabinet_http_request_seconds",
    "Time to answer a request",
    ("method", "route", "status"),
    buckets=_SECONDS,
)
PROVIDER_SECONDS: Final = Histogram(
    "kabinet_provider_request_seconds",
    "Time of a call to an outside system",
    ("provider", "outcome"),
    buckets=_SECONDS,
)
REJECTIONS: Final = Counter("kabinet_rejections", "Requests that the rules refused", ("code",))
TASK_CRASHES: Final = Counter("kabinet_task_crashes", "Crashes of long-running tasks", ("task",))
LAG: Final = Gauge("kabinet_lag_events", "Events not handled yet", ("service", "name"))


def metrics_route() -> Route:
    """`/metrics` in the text format of Prometheus."""

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)

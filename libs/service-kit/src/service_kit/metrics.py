"""Prometheus metrics that every process has; a module with metrics of its own declares them the same way.

What OpenTelemetry's semantic conventions name has that name, in the spelling of Prometheus; the rest begins with
`kabinet_`. No label says which service or process it is: whoever scrapes knows. Values of labels come from code
(routes, codes, names of flows), never from a request.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

__all__ = [
    "CLIENT_SECONDS",
    "REJECTIONS",
    "SERVER_SECONDS",
    "TASK_CRASHES",
    "PoolLike",
    "metrics_route",
    "observed_pool",
]

# Advised by the conventions for both durations.
_SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0),
)

SERVER_SECONDS: Final = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer a request; of a WebSocket, status 101: how long it was open",
    ("http_request_method", "http_route", "http_response_status_code"),
    buckets=_SECONDS,
)
CLIENT_SECONDS: Final = Histogram(
    "http_client_request_duration_seconds",
    "Time of a call to another system; error_type is empty unless the system failed",
    ("provider", "http_request_method", "http_response_status_code", "error_type"),
    buckets=_SECONDS,
)
REJECTIONS: Final = Counter("kabinet_rejections", "Requests that the rules refused", ("code",))
TASK_CRASHES: Final = Counter("kabinet_task_crashes", "Crashes of long-running tasks", ("task",))


class PoolLike(Protocol):
    """A pool of connections, as asyncpg counts them."""

    def get_size(self) -> int:
        """Open now."""
        ...

    def get_idle_size(self) -> int:
        """Open and unused."""
        ...

    def get_max_size(self) -> int:
        """The most there may be."""
        ...


class _Pools(Collector):
    """Open pools by name; those of one name are added up."""

    def __init__(self) -> None:
        self.open: list[tuple[str, PoolLike]] = []

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        name, state = "db_client_connection_pool_name", "db_client_connection_state"
        count = GaugeMetricFamily(
            "db_client_connection_count", "Connections to databases", labels=(name, state)
        )
        most = GaugeMetricFamily(
            "db_client_connection_max", "The most connections that there may be", labels=(name,)
        )
        for pool_name in sorted({each for each, _ in self.open}):
            pools = [pool for each, pool in self.open if each == pool_name]
            idle = sum(pool.get_idle_size() for pool in pools)
            used = sum(pool.get_size() for pool in pools) - idle
            count.add_metric((pool_name, "idle"), idle)
            count.add_metric((pool_name, "used"), used)
            most.add_metric((pool_name,), sum(pool.get_max_size() for pool in pools))
        return count, most


_POOLS: Final = _Pools()
REGISTRY.register(_POOLS)


@contextmanager
def observed_pool(name: str, pool: PoolLike) -> Iterator[None]:
    """Show how full `pool` is for the length of a block."""
    entry = (name, pool)
    _POOLS.open.append(entry)
    try:
        yield
    finally:
        _POOLS.open.remove(entry)


def metrics_route() -> Route:
    """`/metrics` in the text format of Prometheus."""

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)

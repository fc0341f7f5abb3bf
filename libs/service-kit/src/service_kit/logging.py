"""JSON logs on standard output, one line each: dotted event names, values as keys, nothing personal.

Code logs short keys; where OpenTelemetry's semantic conventions have a name for one, the line has that name.
"""

import logging
import sys
import time
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from privacy.redaction import Redaction
from service_kit.tracing import span_id, trace_id

__all__ = ["AccessLog", "set_up_logging"]

_CONVENTIONAL: Final = {
    "service": "service.name",
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "host": "server.address",
    "port": "server.port",
    "topic": "messaging.destination.name",
    "partition": "messaging.destination.partition.id",
    "error": "error.type",
}
_QUIET: Final = ("httpx", "httpcore", "opentelemetry", "asyncio", "multipart")


def set_up_logging(service: str, *, level: str = "INFO") -> None:
    """Configure structlog and the standard `logging` of the whole process to write the same lines.

    The redaction lets only known keys through, whoever logs.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Origin(service),
    ]
    last: list[Processor] = [Redaction(), _renamed, structlog.processors.JSONRenderer(_json)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            use_get_message=False,  # what a library fills into its words may be anything
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Answered(msgspec.Struct):
    correlation_id: str
    trace_id: str | None
    span_id: str | None
    method: str = msgspec.field(name=_CONVENTIONAL["method"])
    route: str = msgspec.field(name=_CONVENTIONAL["route"])
    status: int = msgspec.field(name=_CONVENTIONAL["status"])
    seconds: float = msgspec.field(name="http.server.request.duration")
    timestamp: str
    service: str = msgspec.field(name=_CONVENTIONAL["service"])
    event: str = "http.answered"
    level: str = "info"


class AccessLog:
    """One line per request, written past the processors because it holds nothing but what is named here."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._levels = logging.getLogger("service_kit.access")

    def answered(
        self, correlation: str, method: str, route: str, status: int, seconds: float
    ) -> None:
        """Write the line of one answer; `route` is the template of its path."""
        if not self._levels.isEnabledFor(logging.INFO):
            return
        now = time.time()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1e6):06}Z"
        line = _Answered(
            correlation,
            trace_id(),
            span_id(),
            method,
            route,
            status,
            round(seconds, 5),
            stamp,
            self._service,
        )
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()


class _Origin:
    """Adds the service, the trace and the span to every line."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        trace = trace_id()
        if trace is not None:
            event["trace_id"], event["span_id"] = trace, span_id()
        return event


def _renamed(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {_CONVENTIONAL.get(key, key): value for key, value in event.items()}


def _json(event: EventDict, **_options: Any) -> str:
    return msgspec.json.encode(event).decode()

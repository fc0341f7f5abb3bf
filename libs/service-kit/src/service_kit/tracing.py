"""OpenTelemetry traces: where they go, and the spans of requests; those of events are in `event_store.tracing`.

Left out of every span, though the conventions have names for them: paths, queries and addresses of clients, agents and
recipients. They hold ids of patients, telephone numbers, or say who it was.
"""

from collections.abc import Callable
from contextvars import Token
from importlib.metadata import version
from typing import Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from event_store.tracing import current_traceparent, fail, origin_of, span, under
from service_kit.ids import new_id

__all__ = [
    "current_traceparent",
    "end_server_span",
    "exporting",
    "fail",
    "set_up_tracing",
    "span",
    "span_id",
    "start_server_span",
    "trace_id",
]

_TRACER: Final = trace.get_tracer("kabinet")
_IDS: Final = RandomIdGenerator()
_WAITING_SPANS: Final = 8192
_EXPORT_MILLISECONDS: Final = 1000
_ANSWER_SECONDS: Final = 5.0


def set_up_tracing(service: str, *, endpoint: str | None, ratio: float = 1.0) -> Callable[[], None]:
    """Export spans to `endpoint` (OTLP over HTTP); answers what to call at the end.

    Without an endpoint nothing is recorded, but requests get trace ids that are passed on all the same, so that logs
    and stored events of one story can be found together. What else is to be said of the process, above all
    `deployment.environment.name`, stands in OpenTelemetry's own variable `OTEL_RESOURCE_ATTRIBUTES`.
    """
    if endpoint is None:
        return lambda: None
    provider = exporting(service, endpoint, ratio)
    trace.set_tracer_provider(provider)
    return provider.shutdown


def exporting(service: str, endpoint: str, ratio: float) -> TracerProvider:
    """What samples and exports: of the traces that begin here the share `ratio`, of others those that are sampled."""
    resource = Resource.create(
        {
            SERVICE_NAME: service,
            SERVICE_VERSION: version("service-kit"),  # the suite has one
            SERVICE_INSTANCE_ID: str(new_id()),
        }
    )
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio)), resource=resource)
    exporter = OTLPSpanExporter(endpoint, timeout=_ANSWER_SECONDS)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, _WAITING_SPANS, schedule_delay_millis=_EXPORT_MILLISECONDS)
    )
    return provider


def start_server_span(traceparent: str | None) -> tuple[Span, Token[context.Context]]:
    """A span for a request, made current; hand both to `end_server_span`. As `span`, without its generators."""
    parent = origin_of(traceparent)
    if parent.is_valid and not parent.trace_flags.sampled:  # the sampler would say the same, later
        started: Span = NonRecordingSpan(parent)
    else:
        above = under(parent) if parent.is_valid else None
        started = _TRACER.start_span("http", above, SpanKind.SERVER)
    if not started.is_recording():
        started = NonRecordingSpan(_child_of(started.get_span_context()))
    return started, context.attach(trace.set_span_in_context(started))


def _child_of(parent: SpanContext) -> SpanContext:
    flags = parent.trace_flags if parent.is_valid else TraceFlags.get_default()
    trace_of = parent.trace_id if parent.is_valid else _IDS.generate_trace_id()
    return SpanContext(trace_of, _IDS.generate_span_id(), is_remote=False, trace_flags=flags)


def end_server_span(
    started: Span,
    token: Token[context.Context],
    *,
    method: str,
    route: str,
    status: int,
    scheme: str,
    server: tuple[str, int | None] | None,
) -> None:
    """Name the span by what is known now, and end it. `server`: the address that the request reached."""
    if started.is_recording():
        started.update_name(f"{method} {route}")
        started.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "url.scheme": scheme,
            }
        )
        if server is not None:
            started.set_attribute("server.address", server[0])
        if status >= 500:
            fail(started, str(status))
    started.end()
    context.detach(token)


def trace_id() -> str | None:
    """The id of the current trace in hexadecimal, for log lines."""
    current = trace.get_current_span().get_span_context()
    return f"{current.trace_id:032x}" if current.is_valid else None


def span_id() -> str | None:
    """The id of the current span in hexadecimal, for log lines."""
    current = trace.get_current_span().get_span_context()
    return f"{current.span_id:016x}" if current.is_valid else None

"""OpenTelemetry traces: one span per request, per call to another system and per batch; never per event."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Token
from typing import Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

__all__ = [
    "current_traceparent",
    "end_server_span",
    "remote_context",
    "set_up_tracing",
    "span",
    "start_server_span",
    "trace_id",
]

_TRACER: Final = trace.get_tracer("service_kit")
_W3C: Final = TraceContextTextMapPropagator()
_IDS: Final = RandomIdGenerator()


def set_up_tracing(service: str, *, endpoint: str | None, ratio: float = 1.0) -> Callable[[], None]:
    """Export spans to `endpoint` (OTLP over HTTP); answers what to call at the end.

    Without an endpoint nothing is recorded, but requests get trace ids that are passed on all the same, so that logs
    and stored events of one story can be found together.
    """
    if endpoint is None:
        return lambda: None
    sampler = ParentBased(TraceIdRatioBased(ratio))
    provider = TracerProvider(sampler=sampler, resource=Resource({SERVICE_NAME: service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    trace.set_tracer_provider(provider)
    return provider.shutdown


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    **attributes: AttributeValue,
) -> Iterator[Span]:
    """A span around a block; `parent` is a traceparent (of a stored event, of a message) to continue."""
    with _TRACER.start_as_current_span(
        name, remote_context(parent), kind=kind, attributes=attributes, record_exception=False
    ) as current:
        yield current


def start_server_span(traceparent: str | None) -> tuple[Span, Token[context.Context]]:
    """A span for a request, made current; hand both to `end_server_span`. As `span`, without its two generators."""
    started = _TRACER.start_span("http", remote_context(traceparent), SpanKind.SERVER)
    if not started.is_recording():
        started = NonRecordingSpan(_child_of(started.get_span_context()))
    return started, context.attach(trace.set_span_in_context(started))


def _child_of(parent: SpanContext) -> SpanContext:
    flags = parent.trace_flags if parent.is_valid else TraceFlags.get_default()
    trace_of = parent.trace_id if parent.is_valid else _IDS.generate_trace_id()
    return SpanContext(trace_of, _IDS.generate_span_id(), is_remote=False, trace_flags=flags)


def end_server_span(
    started: Span, token: Token[context.Context], *, method: str, route: str, status: int
) -> None:
    """Name the span by what is known now, and end it."""
    if started.is_recording():
        started.update_name(f"{method} {route}")
        started.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            started.set_status(StatusCode.ERROR)
    started.end()
    context.detach(token)


def remote_context(traceparent: str | None) -> context.Context | None:
    """The context that a traceparent names (W3C Trace Context); None without one: the current context."""
    return _W3C.extract({"traceparent": traceparent}) if traceparent else None


def current_traceparent() -> str | None:
    """The W3C traceparent of the current span, to be stored or sent along."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return None
    return f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"


def trace_id() -> str | None:
    """The id of the current trace in hexadecimal, for log lines."""
    current = trace.get_current_span().get_span_context()
    return f"{current.trace_id:032x}" if current.is_valid else None

"""OpenTelemetry spans around what happens to events, in the trace of the request that led to them.

Attributes have the names of OpenTelemetry's semantic conventions; what these have no name for begins with `kabinet.`.
Nothing is built for a trace that is not sampled. No span has a message of an exception, a statement, a path or a key:
they may hold personal data.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Final, TypeAlias

from opentelemetry import context, trace
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from decider import Rejection
from event_store.records import Metadata, StreamName

__all__ = [
    "Attributes",
    "append_span",
    "continued",
    "current_traceparent",
    "each_continued",
    "fail",
    "is_recording",
    "linked",
    "origin_of",
    "span",
    "under",
]

Attributes: TypeAlias = Mapping[str, AttributeValue]

_TRACER: Final = trace.get_tracer("kabinet")
_W3C: Final = TraceContextTextMapPropagator()
_VERSION_00: Final = re.compile("00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_NOTHING: Final = nullcontext()
_UNSAMPLED: Final = TraceFlags.get_default()
_STORY_SECONDS: Final = 3600.0
_SPANS_AT_ONCE: Final = 128  # as many links as a span may have


def is_recording() -> bool:
    """Whether the current span is one that is exported."""
    return trace.get_current_span().is_recording()


def current_traceparent() -> str | None:
    """The W3C traceparent of the current span, to be stored or sent along."""
    return _traceparent(trace.get_current_span())


def origin_of(traceparent: str | None) -> SpanContext:
    """The span that a traceparent names (W3C Trace Context); an invalid one without it, or when it is malformed."""
    if traceparent is None:
        return INVALID_SPAN_CONTEXT
    parts = _VERSION_00.fullmatch(traceparent)
    if parts is None:  # another version, perhaps
        found = _W3C.extract({"traceparent": traceparent}, context.Context())
        return trace.get_current_span(found).get_span_context()
    trace_id, span_id, flags = (int(part, 16) for part in parts.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def under(parent: SpanContext) -> context.Context:
    """A context in which that span is the current one."""
    return trace.set_span_in_context(NonRecordingSpan(parent), context.Context())


def fail(failing: Span, error: str) -> None:
    """Mark a span as failed, by the name of a class or a status."""
    failing.set_attribute("error.type", error)
    failing.set_status(StatusCode.ERROR)


@contextmanager
def span(
    name: str, attributes: Attributes | None = None, kind: SpanKind = SpanKind.INTERNAL
) -> Iterator[Span]:
    """A span around a block, under the current one; when that is not exported, nothing but that."""
    current = trace.get_current_span()
    if current.get_span_context().is_valid and not current.is_recording():
        yield current
        return
    with _started(name, kind, attributes) as started:
        yield started


def append_span(system: str, stream: StreamName, count: int) -> AbstractContextManager[object]:
    """The span of one append to the store `system` (`db.system.name`), in a trace that is exported."""
    if not is_recording():
        return _NOTHING
    about: Attributes = {
        "db.system.name": system,
        "db.operation.name": "append",
        "db.collection.name": stream.category,
        "db.operation.batch.size": count,
    }
    return span(f"append {stream.category}", about, SpanKind.CLIENT)


@contextmanager
def linked(
    traceparent: str | None, name: str, attributes: Attributes | None = None
) -> Iterator[Span]:
    """A span of a new trace, with a link to where it comes from: for what happens much later."""
    origin = origin_of(traceparent)
    links = [Link(origin)] if origin.is_valid else []
    with _started(name, SpanKind.INTERNAL, attributes, context.Context(), links) as started:
        yield started


@contextmanager
def continued(
    metadata: Metadata,
    name: str,
    attributes: Callable[[], Attributes],
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[None]:
    """A span around a block, in the trace of an event.

    An event that is not sampled, or of another day (a consumer began from the beginning of history), has no span, and
    what the block logs and asks of others still has its trace.
    """
    origin = origin_of(metadata.traceparent)
    if not origin.is_valid:
        yield
    elif _is_followed(metadata):
        with _started(name, kind, attributes(), under(origin)):
            yield
    else:
        silent = SpanContext(
            origin.trace_id, origin.span_id, is_remote=True, trace_flags=_UNSAMPLED
        )
        token = context.attach(under(silent))
        try:
            yield
        finally:
            context.detach(token)


@contextmanager
def each_continued(
    events: Sequence[Metadata],
    name: str,
    attributes: Callable[[int], Attributes],
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Mapping[int, str]]:
    """A span for each of the first 128 followed events around a block that is about them all, in its own trace.

    Answers their traceparents by place; `attributes` are asked for by place too.
    """
    places = (place for place, metadata in enumerate(events) if _is_followed(metadata))
    spans = {
        place: _TRACER.start_span(
            name, under(origin_of(events[place].traceparent)), kind, attributes(place)
        )
        for place in islice(places, _SPANS_AT_ONCE)
    }
    try:
        yield {
            place: parent
            for place, started in spans.items()
            if (parent := _traceparent(started)) is not None
        }
    except Exception as error:
        for started in spans.values():
            fail(started, type(error).__name__)
        raise
    finally:
        for started in spans.values():
            started.end()


@contextmanager
def _started(
    name: str,
    kind: SpanKind,
    attributes: Attributes | None,
    parent: context.Context | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    with _TRACER.start_as_current_span(
        name,
        parent,
        kind,
        attributes,
        links,
        record_exception=False,
        set_status_on_exception=False,
    ) as started:
        try:
            yield started
        except Rejection as rejection:  # an answer, no failure
            started.set_attribute("kabinet.rejection", rejection.code)
            raise
        except Exception as error:
            fail(started, type(error).__name__)
            raise


def _traceparent(of: Span) -> str | None:
    known = of.get_span_context()
    if not known.is_valid:
        return None
    return f"00-{known.trace_id:032x}-{known.span_id:016x}-{known.trace_flags:02x}"


def _is_followed(metadata: Metadata) -> bool:
    """Sampled, by the last bit of its flags, and not long ago."""
    traceparent = metadata.traceparent
    return (
        traceparent is not None
        and traceparent[-1] in "13579bdf"
        and time.time() - metadata.time.timestamp() < _STORY_SECONDS
    )

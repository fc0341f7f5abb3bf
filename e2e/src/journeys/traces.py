"""Traces as a collector gets them: kept by a receiver of our own, and shown as a tree."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from typing_extensions import override

__all__ = ["Receiver", "Span", "receiving", "tree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span; ids in hexadecimal, `parent` empty at the root, times in nanoseconds since 1970."""

    service: str
    trace: str
    id: str
    parent: str
    links: frozenset[str]
    name: str
    kind: str
    began: int
    ended: int
    failed: bool
    attributes: Mapping[str, object]
    resource: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Receiver:
    """What came in so far; `url` is what services are told as their endpoint."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def of(self, trace: str) -> list[Span]:
        """The spans of a trace in the order of their beginnings."""
        return sorted(
            (span for span in list(self.spans) if span.trace == trace), key=lambda span: span.began
        )


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Take OTLP over HTTP on a free port of this machine for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/v1/traces")
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            serving.join()


def tree(spans: Iterable[Span]) -> str:
    """The spans of one trace: when each began, how long it lasted, whose it is and what it is, under its parent."""
    spans = list(spans)
    known = {span.id for span in spans}
    under: dict[str, list[Span]] = {}
    for span in spans:
        under.setdefault(span.parent if span.parent in known else "", []).append(span)
    start = min((span.began for span in spans), default=0)

    def lines(parent: str, depth: int) -> Iterator[str]:
        for span in sorted(under.get(parent, ()), key=lambda span: span.began):
            yield (
                f"{(span.began - start) / 1e6:8.1f} {(span.ended - span.began) / 1e6:8.1f} ms  "
                f"{span.service:<17} {span.kind:<8} {'  ' * depth}{span.name}"
                f"{_remark(span)}"
            )
            yield from lines(span.id, depth + 1)

    return "\n".join(lines("", 0))


def _remark(span: Span) -> str:
    told = {
        "answered": span.attributes.get("http.response.status_code"),
        "to": span.attributes.get("service.peer.name"),
        "rejected": span.attributes.get("kabinet.rejection"),
        "failed": span.attributes.get("error.type"),
        "of": span.attributes.get("kabinet.event.type"),
    }
    said = ", ".join(f"{word} {value}" for word, value in told.items() if value is not None)
    return f"  ({said})" if said else ""


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for of_process in request.resource_spans:
        resource = _values(of_process.resource.attributes)
        for of_library in of_process.scope_spans:
            for span in of_library.spans:
                yield Span(
                    service=str(resource["service.name"]),
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    links=frozenset(link.span_id.hex() for link in span.links),
                    name=span.name,
                    kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    began=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    attributes=_values(span.attributes),
                    resource=resource,
                )


def _values(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return None if kind is None else getattr(value, kind)

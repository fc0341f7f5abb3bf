"""The bus in the trace of each event."""

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from event_store import Metadata
from messaging import Envelope, Topic
from messaging.tracing import processing, processing_batch, reacting, sending

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC = Topic("notes.events", partitions=1)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("event_store.tracing._TRACER", provider.get_tracer("test"))
    monkeypatch.setattr("event_store.tracing.time", SimpleNamespace(time=NOW.timestamp))
    return exporter


def envelope(number: int, flags: str) -> Envelope:
    return Envelope(
        id=UUID(int=number),
        source="notes",
        type="Noted.v1",
        key="note-north.7",
        position=f"{number}",
        data=b"{}",
        metadata=Metadata(
            tenant="north",
            actor="account:1",
            role="patient",
            time=NOW,
            correlation=UUID(int=1),
            traceparent=f"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333{number}-{flags}",
        ),
    )


def about(operation: str, number: int) -> dict[str, object]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": "notes.events",
        "messaging.destination.partition.id": "0",
        "messaging.message.id": str(UUID(int=number)),
        "kabinet.event.type": "Noted.v1",
    }


def test_what_is_sent_names_the_span_that_sent_it(spans: InMemorySpanExporter) -> None:
    followed, silent = envelope(1, "01"), envelope(2, "00")
    with sending("kafka", TOPIC, [followed, silent]) as sent:
        pass
    [producing] = spans.get_finished_spans()
    assert (producing.name, producing.kind) == ("send notes.events", SpanKind.PRODUCER)
    assert dict(producing.attributes or {}) == about("send", 1) | {
        "messaging.batch.message_count": 2
    }
    assert sent[1] == silent
    assert (sent[0].id, sent[0].data, sent[0].position) == (followed.id, b"{}", "1")
    with processing("kafka", TOPIC, "reading", sent[0]):
        pass
    consuming = spans.get_finished_spans()[-1]
    assert (consuming.name, consuming.kind) == ("process notes.events", SpanKind.CONSUMER)
    assert producing.context is not None
    assert consuming.parent is not None
    assert consuming.parent.span_id == producing.context.span_id
    assert dict(consuming.attributes or {}) == about("process", 1) | {
        "messaging.consumer.group.name": "reading"
    }


def test_a_publication_of_which_nothing_is_followed_is_sent_as_it_is(
    spans: InMemorySpanExporter,
) -> None:
    silent = [envelope(1, "00")]
    with sending("kafka", TOPIC, silent) as sent:
        assert sent is silent
    assert spans.get_finished_spans() == ()


def test_a_transaction_of_several_has_a_span_for_each_that_is_followed(
    spans: InMemorySpanExporter,
) -> None:
    with processing_batch(
        "kafka", TOPIC, "audit", [envelope(1, "01"), envelope(2, "00"), envelope(3, "01")]
    ):
        pass
    assert [dict(one.attributes or {}) for one in spans.get_finished_spans()] == [
        about("process", number)
        | {"messaging.batch.message_count": 3, "messaging.consumer.group.name": "audit"}
        for number in (1, 3)
    ]


def test_a_process_reacts_in_the_trace_of_its_event(spans: InMemorySpanExporter) -> None:
    with reacting("notes.reminding", envelope(1, "01")):
        pass
    [one] = spans.get_finished_spans()
    assert (one.name, one.kind, dict(one.attributes or {})) == (
        "react notes.reminding",
        SpanKind.INTERNAL,
        {"kabinet.event.type": "Noted.v1"},
    )

"""What becomes a span, under whom, and what must not be in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind

from decider import Decider, Rejection
from event_store import Codec, CommandContext, CommandHandler, Metadata, StreamName
from event_store.memory import MemoryEventStore
from event_store.tracing import (
    append_span,
    continued,
    current_traceparent,
    each_continued,
    linked,
    origin_of,
    span,
)

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, SILENT = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    pass


class NobodyIsIn(Rejection):
    code = "NOBODY_IS_IN"


def decide(command: Knock, _state: None) -> Sequence[Opened]:
    if not command.answered:
        raise NobodyIsIn
    return [Opened()]


def evolve(state: None, _event: Opened) -> None:
    return state


DOOR = Decider(decide=decide, evolve=evolve, initial=None)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Those that are exported; what begins here is not sampled."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("event_store.tracing._TRACER", provider.get_tracer("test"))
    monkeypatch.setattr("event_store.tracing.time", SimpleNamespace(time=NOW.timestamp))
    return exporter


def event(traceparent: str | None, age: timedelta = timedelta()) -> Metadata:
    return Metadata(
        tenant="north",
        actor="account:1",
        role="patient",
        time=NOW - age,
        correlation=UUID(int=1),
        traceparent=traceparent,
    )


def handling(metadata: Metadata, name: str = "knock", **attributes: str) -> object:
    with continued(metadata, name, lambda: attributes):
        return current_traceparent()


def parent(of: ReadableSpan) -> str | None:
    return None if of.parent is None else f"{of.parent.span_id:016x}"


def its_id(of: ReadableSpan) -> str:
    assert of.context is not None
    return f"{of.context.span_id:016x}"


async def knock(store: MemoryEventStore, metadata: Metadata, *, answered: bool = True) -> None:
    doors = CommandHandler(store, DOOR, Codec({Opened: "Opened.v1"}), "door")
    context = CommandContext(command_id=UUID(int=5), metadata=metadata)
    with continued(metadata, "request", dict):
        await doors.handle(Knock(answered=answered), key="a", context=context)


async def stored(store: MemoryEventStore) -> Metadata:
    [page] = [page async for page in store.read_stream(StreamName("door", "north", "a"))]
    return page[0].meta()


async def test_an_event_names_the_span_of_its_command(spans: InMemorySpanExporter) -> None:
    store = MemoryEventStore()
    await knock(store, event(SAMPLED))
    command, request = spans.get_finished_spans()
    assert (request.name, parent(request)) == ("request", PARENT)
    assert (command.name, parent(command)) == ("Knock", its_id(request))
    assert dict(command.attributes or {}) == {
        "kabinet.category": "door",
        "kabinet.tenant": "north",
        "kabinet.events": 1,
    }
    assert (await stored(store)).traceparent == f"00-{TRACE}-{its_id(command)}-01"


async def test_without_a_sampled_trace_an_event_keeps_what_it_was_given(
    spans: InMemorySpanExporter,
) -> None:
    store = MemoryEventStore()
    await knock(store, event(SILENT))
    assert (await stored(store)).traceparent == SILENT
    assert spans.get_finished_spans() == ()


async def test_a_refusal_is_an_answer_and_no_failure(spans: InMemorySpanExporter) -> None:
    with pytest.raises(NobodyIsIn):
        await knock(MemoryEventStore(), event(SAMPLED), answered=False)
    for one in spans.get_finished_spans():
        assert one.status.is_unset
        assert (one.attributes or {})["kabinet.rejection"] == "NOBODY_IS_IN"


def test_an_append_is_a_call_to_a_database(spans: InMemorySpanExporter) -> None:
    stream = StreamName("door", "north", "a")
    with append_span("postgresql", stream, 2):
        pass
    with continued(event(SAMPLED), "request", dict), append_span("postgresql", stream, 2):
        pass
    append, _ = spans.get_finished_spans()
    assert (append.name, append.kind) == ("append door", SpanKind.CLIENT)
    assert dict(append.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.operation.name": "append",
        "db.collection.name": "door",
        "db.operation.batch.size": 2,
    }


@pytest.mark.requirement("OPS-19")
def test_what_an_error_says_stays_out(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="Иванов"), continued(event(SAMPLED), "handling", dict):
        raise ValueError("Иванов")
    [failed] = spans.get_finished_spans()
    assert not failed.status.is_ok
    assert (failed.attributes or {})["error.type"] == "ValueError"
    assert "Иванов" not in failed.to_json()


@pytest.mark.parametrize("flags", ["01", "03"])
def test_a_sampled_event_has_a_span_in_its_trace(spans: InMemorySpanExporter, flags: str) -> None:
    handling(event(f"00-{TRACE}-{PARENT}-{flags}"), reason="test")
    [one] = spans.get_finished_spans()
    assert (one.name, parent(one), dict(one.attributes or {})) == (
        "knock",
        PARENT,
        {"reason": "test"},
    )


@pytest.mark.parametrize("flags", ["00", "02"])
def test_an_event_that_is_not_sampled_has_none_and_what_it_causes_still_has_its_trace(
    spans: InMemorySpanExporter, flags: str
) -> None:
    def never() -> dict[str, str]:
        raise AssertionError("built for nothing")

    with continued(event(f"00-{TRACE}-{PARENT}-{flags}"), "knock", never), span("call"):
        assert current_traceparent() == SILENT
    assert spans.get_finished_spans() == ()
    assert current_traceparent() is None


def test_history_is_not_followed(spans: InMemorySpanExporter) -> None:
    moment = timedelta(microseconds=1)
    assert handling(event(SAMPLED, HOUR)) == SILENT
    assert handling(event(SAMPLED, HOUR + moment)) == SILENT
    assert spans.get_finished_spans() == ()
    handling(event(SAMPLED, HOUR - moment))
    assert len(spans.get_finished_spans()) == 1


@pytest.mark.parametrize(
    ("traceparent", "is_one"),
    [
        (SAMPLED, True),
        (SAMPLED.replace("00-", "cc-", 1) + "-more", True),
        (SAMPLED.upper(), False),
        (SAMPLED + "-more", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"ff-{TRACE}-{PARENT}-01", False),
        ("", False),
        (None, False),
    ],
)
def test_only_what_is_well_formed_is_continued(traceparent: str | None, *, is_one: bool) -> None:
    origin = origin_of(traceparent)
    assert origin.is_valid is is_one
    if is_one:
        found = f"{origin.trace_id:032x}", f"{origin.span_id:016x}", origin.trace_flags
        assert (*found, origin.is_remote) == (TRACE, PARENT, 1, True)


def test_an_event_without_a_trace_is_handled_without_one(spans: InMemorySpanExporter) -> None:
    assert handling(event(None)) is None
    assert spans.get_finished_spans() == ()


def test_events_of_a_batch_have_spans_in_their_own_traces(spans: InMemorySpanExporter) -> None:
    batch = [event(SAMPLED), event(SILENT), event(None), event(SAMPLED, HOUR), event(SAMPLED)]
    with each_continued(batch, "send", lambda place: {"place": place}, SpanKind.PRODUCER) as names:
        assert spans.get_finished_spans() == (), "they last as long as the block"
    sent = spans.get_finished_spans()
    assert [(parent(one), one.kind, (one.attributes or {})["place"]) for one in sent] == [
        (PARENT, SpanKind.PRODUCER, 0),
        (PARENT, SpanKind.PRODUCER, 4),
    ]
    assert names == {
        place: f"00-{TRACE}-{its_id(one)}-01" for place, one in zip((0, 4), sent, strict=True)
    }


def test_a_batch_that_fails_fails_for_all_of_them(spans: InMemorySpanExporter) -> None:
    batch = [event(SAMPLED)] * 2
    with pytest.raises(OSError, match="Иванов"), each_continued(batch, "send", lambda _: {}):
        raise OSError("Иванов")
    for one in spans.get_finished_spans():
        assert (one.attributes or {})["error.type"] == "OSError"
        assert "Иванов" not in one.to_json()


@pytest.mark.parametrize(("events", "expected"), [(127, 127), (128, 128), (129, 128)])
def test_a_storm_is_a_sample(spans: InMemorySpanExporter, events: int, expected: int) -> None:
    with each_continued([event(SAMPLED)] * events, "project", lambda _: {}):
        pass
    assert len(spans.get_finished_spans()) == expected


def test_what_comes_later_has_a_trace_of_its_own_with_a_link(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr("event_store.tracing._TRACER", provider.get_tracer("test"))
    with linked(SAMPLED, "fire reminder"):
        pass
    [one] = spans.get_finished_spans()
    assert one.context is not None
    assert f"{one.context.trace_id:032x}" != TRACE
    assert [f"{link.context.span_id:016x}" for link in one.links] == [PARENT]
    assert one.parent is None

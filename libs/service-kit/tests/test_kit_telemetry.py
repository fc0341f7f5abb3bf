"""Logs, traces, metrics and health."""

import asyncio
import json
import logging
from datetime import datetime

import httpx
import pytest
import structlog
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service_kit.errors import Unavailable
from service_kit.health import Health
from service_kit.logging import set_up_logging
from service_kit.supervisor import Supervisor
from service_kit.tracing import current_traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for place in ("service_kit", "event_store"):
        monkeypatch.setattr(f"{place}.tracing._TRACER", provider.get_tracer("test"))
    return exporter


@pytest.mark.requirement("OPS-19")
def test_only_known_keys_reach_the_log(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("notes")
    log = structlog.get_logger()
    log.info("command.handled", stream="note-north.1", phone="+79161234567", revision=3)
    logging.getLogger("somebody").warning("call %s", "+7 916 123-45-67")
    own, foreign = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert own["event"] == "command.handled"
    assert (own["service.name"], own["level"], own["stream"], own["revision"]) == (
        "notes",
        "info",
        "note-north.1",
        3,
    )
    assert own["phone"] == "[redacted]"
    assert foreign["event"] == "call %s", "what a library fills in may be anything"
    assert foreign["logger"] == "somebody"


def test_a_failure_is_logged_by_type_and_place(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("notes")
    try:
        int("Иванов")
    except ValueError:
        logging.getLogger("somebody").exception("failed")
        structlog.get_logger().exception("work.failed")
    for line in capsys.readouterr().out.splitlines():
        assert "ValueError at " in json.loads(line)["exception"]
        assert "Иванов" not in line


@pytest.mark.requirement("OPS-19")
async def test_a_request_is_one_line_with_the_template_and_the_correlation(
    client: httpx.AsyncClient,
    patient: dict[str, str],
    restored_logging: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("notes")
    answer = await client.get("/api/v1/notes/0190b000-0000-7000-8000-000000000003", headers=patient)
    await client.get("/livez")
    (line,) = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert (line["event"], line["http.route"]) == ("http.answered", "/api/v1/notes/{note_id}")
    assert (line["http.request.method"], line["http.response.status_code"]) == ("GET", 200)
    assert (line["service.name"], len(line["trace_id"]), len(line["span_id"])) == ("notes", 32, 16)
    assert line["correlation_id"] == answer.headers["x-correlation-id"]
    assert 0 < line["http.server.request.duration"] < 10
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


async def test_a_quiet_service_writes_no_line_per_request(
    client: httpx.AsyncClient, restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("notes", level="WARNING")
    await client.get("/nowhere")
    assert capsys.readouterr().out == ""


async def test_a_bug_is_logged_with_its_place(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.post("/api/v1/notes/failures/bug", headers={"X-Kabinet-Tenant": "north"})
    failed = next(line for line in lines if line["event"] == "http.failed")
    assert isinstance(failed["exc_info"], ZeroDivisionError)
    assert failed["route"] == "/api/v1/notes/failures/{kind}"


async def test_a_correlation_that_is_no_id_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"X-Correlation-Id": "x\\ny"})
    assert answer.headers["x-correlation-id"] == answer.json()["correlation_id"] != "x\\ny"


async def test_the_trace_of_the_caller_goes_on(
    client: httpx.AsyncClient, spans: InMemorySpanExporter, patient: dict[str, str]
) -> None:
    await client.get("/api/v1/notes", headers=patient | {"traceparent": PARENT})
    (server,) = spans.get_finished_spans()
    assert server.name == "GET /api/v1/notes"
    assert server.context is not None
    assert f"{server.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert dict(server.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/api/v1/notes",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "server.address": "service",
    }


@pytest.mark.parametrize("traceparent", [None, PARENT])
async def test_without_an_exporter_a_request_has_a_trace_all_the_same(
    client: httpx.AsyncClient,
    patient: dict[str, str],
    restored_logging: None,
    capsys: pytest.CaptureFixture[str],
    traceparent: str | None,
) -> None:
    set_up_logging("notes")
    sent = {} if traceparent is None else {"traceparent": traceparent}
    for _ in range(2):
        await client.get("/api/v1/notes", headers=patient | sent)
    first, second = (json.loads(text)["trace_id"] for text in capsys.readouterr().out.splitlines())
    if traceparent is None:
        assert first != second
    else:
        assert first == second == traceparent.split("-")[1]
    assert current_traceparent() is None


async def test_metrics_are_by_template(client: httpx.AsyncClient, patient: dict[str, str]) -> None:
    await client.get("/api/v1/notes/0190b000-0000-7000-8000-000000000003", headers=patient)
    shown = (await client.get("/metrics")).text
    labels = (
        'http_request_method="GET",'
        'http_response_status_code="200",http_route="/api/v1/notes/{note_id}"'
    )
    assert f"http_server_request_duration_seconds_count{{{labels}}}" in shown
    assert "0190b000" not in shown


async def well() -> None: ...


async def idle() -> None:
    await asyncio.sleep(3600)


async def ill() -> None:
    raise Unavailable("smtp")


@pytest.mark.requirement("OPS-16")
async def test_readiness_tells_required_from_optional(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    health: Health = app.state.kit.health
    health.add("database", well)
    assert (await client.get("/readyz")).json() == {"status": "ready", "checks": {"database": "ok"}}
    health.add("smtp", ill, required=False)
    degraded = await client.get("/readyz")
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    health.add("bus", ill)
    unready = await client.get("/readyz")
    assert (unready.status_code, unready.json()["status"]) == (503, "unready")
    assert unready.json()["checks"]["bus"] == "Unavailable"
    assert (await client.get("/livez")).status_code == 200
    with pytest.raises(ValueError, match="bus"):
        health.add("bus", well)


async def test_a_check_that_hangs_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service_kit.health._PATIENCE_SECONDS", 0.01)
    health = Health()
    health.add("slow", idle)
    assert (await health.report()).checks == {"slow": "TimeoutError"}


async def test_a_crashed_task_begins_again_and_others_go_on() -> None:
    runs, lived = 0, asyncio.Event()

    async def crashes_twice() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ZeroDivisionError
        lived.set()
        await asyncio.Event().wait()

    health = Health()
    supervisor = Supervisor({"a": crashes_twice, "b": idle}, health, first_pause=0.001)
    supervisor.start()
    async with asyncio.timeout(2):
        await lived.wait()
    assert (await health.report()).checks == {"task:a": "Unavailable", "task:b": "ok"}
    await supervisor.stop(within=1)
    assert runs == 3


async def test_a_task_that_does_not_stop_is_not_waited_for_ever() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor = Supervisor({"stubborn": stubborn}, Health())
    supervisor.start()
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as lines:
        await supervisor.stop(within=0.01)
    assert [line["event"] for line in lines] == ["task.stuck"]
    release.set()
    await asyncio.sleep(0)

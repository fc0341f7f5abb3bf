"""A service as a process: its command line, its start, its stop."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

SCRIPT = Path(__file__).parent / "sample_service.py"
COMPLETE = {
    "SAMPLE_PORT": "0",
    "SAMPLE_DATABASE_URL": "postgresql://u:hidden@localhost/sample",
    "SAMPLE_BUS_URL": "postgresql://u:hidden@localhost/bus",
    "SAMPLE_IDENTITY_URL": "http://127.0.0.1:9",
    "SAMPLE_SERVICE_SECRET": "hidden",
    "SAMPLE_COLOUR": "red",
}


async def start(*arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )


@dataclass
class Running:
    process: Process
    client: httpx.AsyncClient
    port: int
    lines: list[dict[str, Any]]

    async def line(self, event: str) -> dict[str, Any]:
        """The next log line of that event."""
        assert self.process.stdout is not None
        async for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"no {event} in {[line['event'] for line in self.lines]}")

    async def stop(self, signum: signal.Signals = signal.SIGTERM) -> list[str]:
        """Tell it to stop; the events it logged until it was gone."""
        self.process.send_signal(signum)
        rest, _ = await self.process.communicate()
        self.lines += [json.loads(text) for text in rest.splitlines()]
        return [line["event"] for line in self.lines]


@asynccontextmanager
async def running(role: str, **environment: str) -> AsyncIterator[Running]:
    process = await start(role, **COMPLETE, **environment)
    try:
        async with httpx.AsyncClient() as client:
            service = Running(process, client, 0, [])
            service.port = (await service.line("service.started"))["server.port"]
            client.base_url = httpx.URL(f"http://127.0.0.1:{service.port}")
            yield service
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_missing_settings_are_all_named_and_their_values_are_not() -> None:
    process = await start("all", **{**COMPLETE, "SAMPLE_PORT": "x5432"}, SAMPLE_LOG_LEVEL="LOUD")
    _, complaint = await process.communicate()
    assert process.returncode == 2
    assert "SAMPLE_PORT: " in complaint.decode()
    assert "SAMPLE_LOG_LEVEL: " in complaint.decode()
    bare = await start("all")
    _, complaint = await bare.communicate()
    assert bare.returncode == 2
    for name in COMPLETE:
        assert f"{name}: Field required" in complaint.decode()
    assert "hidden" not in complaint.decode()
    assert "x5432" not in complaint.decode()


async def test_an_empty_variable_counts_as_none() -> None:
    optional = await start("migrate", **COMPLETE, SAMPLE_LOG_LEVEL="", SAMPLE_CLOCK_FILE="")
    assert await optional.wait() == 0
    required = await start("migrate", **{**COMPLETE, "SAMPLE_SERVICE_SECRET": ""})
    _, complaint = await required.communicate()
    assert required.returncode == 2
    assert "SAMPLE_SERVICE_SECRET: Field required" in complaint.decode()


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["everything"], 2)])
async def test_the_command_line_explains_itself(arguments: list[str], code: int) -> None:
    process = await start(*arguments)
    shown, complaint = await process.communicate()
    assert process.returncode == code
    assert b"python -m sample_service" in shown + complaint


async def test_migrating_opens_everything_and_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start("migrate", **{**COMPLETE, "SAMPLE_PORT": str(port)})
        shown, _ = await process.communicate()
    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in shown.splitlines()]
    assert events == ["resources.opened", "service.migrated", "resources.closed"]


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start("api", **{**COMPLETE, "SAMPLE_PORT": str(port)})
        _, complaint = await process.communicate()
    assert process.returncode == 1
    assert f"127.0.0.1:{port}: Address already in use" in complaint.decode()


async def test_a_stopping_service_answers_what_it_has_begun_and_closes_in_order() -> None:
    async with running("all") as service:
        answer = asyncio.create_task(
            service.client.get(
                "/sleep", params={"seconds": 0.5}, headers={"X-Kabinet-Tenant": "north"}
            )
        )
        await asyncio.sleep(0.2)
        events = await service.stop()
        assert (await answer).status_code == 200
    assert service.process.returncode == 0
    order = [
        "service.stopping",
        "http.answered",
        "work.stopped",
        "resources.closed",
        "service.stopped",
    ]
    assert [event for event in events if event in order] == order


async def test_a_task_that_crashes_begins_again_and_degrades() -> None:
    async with running("worker") as service:
        crash = await service.line("task.crashed")
        await service.line("task.crashed")
        assert "ZeroDivisionError at " in crash["exception"]
        assert "patient@example.org" not in json.dumps(crash)
        ready = await service.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"] == {"task:work": "ok", "task:crash": "Unavailable"}
        assert (
            'kabinet_task_crashes_total{task="crash"}'
            in (await service.client.get("/metrics")).text
        )
        assert (await service.client.get("/sleep")).status_code == 404
        events = await service.stop(signal.SIGINT)
    assert service.process.returncode == 0
    assert "work.stopped" in events


async def test_an_api_process_runs_no_tasks() -> None:
    async with running("api") as service:
        assert (await service.client.get("/livez")).status_code == 200
        assert (await service.client.get("/readyz")).json() == {"status": "ready", "checks": {}}
        assert "work.started" not in await service.stop()


async def test_a_service_follows_the_virtual_clock(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    file.write_text('{"offset_seconds": 0}')
    async with running("api", SAMPLE_CLOCK_FILE=str(file)) as service:

        async def year() -> str:
            answer = await service.client.get(
                "/sleep", params={"seconds": 0}, headers={"X-Kabinet-Tenant": "north"}
            )
            return str(answer.json())[:4]

        now = int(await year())
        file.write_text(json.dumps({"offset_seconds": 366 * 86400}))
        await asyncio.sleep(0.25)
        assert int(await year()) > now
        await service.stop()

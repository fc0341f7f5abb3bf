"""What operators are told when events do not get on."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from event_store import START
from messaging import Flow, ParkedKey
from messaging.testing import envelope
from read_models import ViewStatus
from service_kit import flows as flows_module
from service_kit.flows import Flows
from service_kit.health import Health
from service_kit.logging import set_up_logging
from timers import Backlog

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Service:
    """Views, inbox and timers in any state."""

    stopped: bool = False
    keys: list[ParkedKey] = field(default_factory=list)
    failing: int = 0

    def status(self) -> Sequence[ViewStatus]:
        return [
            ViewStatus("slots", 1, START, "failed" if self.stopped else "live"),
            ViewStatus("doctors", 1, START, "live"),
        ]

    async def list_parked(self) -> Sequence[ParkedKey]:
        return self.keys

    async def backlog(self) -> Backlog:
        return Backlog(self.failing, self.failing, None)

    def park(self, *, retry_at: datetime | None, waiting: int) -> None:
        flow = Flow("booking", "billing.events")
        key = f"invoice-north.{len(self.keys)}"
        self.keys.append(
            ParkedKey(
                flow=flow,
                key=key,
                attempts=5,
                error="KeyError",
                since=NOW,
                retry_at=retry_at,
                waiting=waiting,
            )
        )


def metric(name: str, /, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def flows(health: Health) -> Flows:
    return Flows("booking", health)


async def looked(flows: Flows, service: Service, health: Health) -> dict[str, str]:
    """What is wrong after one look."""
    await flows.look(service, service, service)
    report = await health.report()
    wrong = {name: outcome for name, outcome in report.checks.items() if outcome != "ok"}
    assert report.status == ("degraded" if wrong else "ready")
    return wrong


@pytest.mark.requirement("OPS-16")
async def test_a_service_that_does_not_get_on_says_so(flows: Flows, health: Health) -> None:
    service = Service()
    flows.watching(service, service, service)
    assert await looked(flows, service, health) == {}
    service.stopped = True
    assert await looked(flows, service, health) == {"views": "ViewsStopped"}
    assert metric("kabinet_view_stopped", service="booking", view="slots") == 1
    assert metric("kabinet_view_stopped", service="booking", view="doctors") == 0
    service.stopped, service.failing = False, 2
    assert await looked(flows, service, health) == {"timers": "TimersFailing"}
    assert metric("kabinet_timers", service="booking", state="failing") == 2
    service.failing = 0
    assert await looked(flows, service, health) == {}


async def test_only_quarantine_waits_for_a_person(flows: Flows, health: Health) -> None:
    service = Service()
    flows.watching(service, service, service)
    service.park(retry_at=NOW, waiting=3)
    assert await looked(flows, service, health) == {}
    service.park(retry_at=None, waiting=4)
    assert await looked(flows, service, health) == {"parked": "EventsParked"}
    labels = {"service": "booking", "name": "booking"}
    assert metric("kabinet_parked_events", **labels, quarantined="true") == 4
    service.keys.clear()
    assert await looked(flows, service, health) == {}
    assert metric("kabinet_parked_events", **labels, quarantined="true") is None


async def test_a_stalled_flow_degrades_until_it_goes_on_or_is_steady(
    flows: Flows, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows.stalled("booking.relay", ConnectionError())
    assert (await health.report()).checks == {"flows": "FlowStalled"}
    flows.handled("booking.relay", 1)
    assert (await health.report()).checks == {"flows": "ok"}
    flows.stalled("booking.relay", ConnectionError())
    monkeypatch.setattr(flows_module, "STEADY_SECONDS", 0.0)
    assert (await health.report()).checks == {"flows": "ok"}


async def test_the_lag_of_a_consumer_is_that_of_all_its_partitions(flows: Flows) -> None:
    flows.lag("lagging", 0, 3)
    flows.lag("lagging", 1, 4)
    flows.lag("lagging", 0, 1)
    assert metric("kabinet_lag_events", service="booking", name="lagging") == 5


async def test_it_goes_on_looking(flows: Flows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows_module, "LOOK_SECONDS", 0.01)
    service = Service()
    looking = asyncio.ensure_future(flows.watching(service, service, service)())
    await asyncio.sleep(0.03)
    service.failing = 7
    await asyncio.sleep(0.05)
    assert metric("kabinet_timers", service="booking", state="due") == 7
    looking.cancel()


def test_troubles_are_logged_with_what_finds_them_and_nothing_personal(
    restored_logging: None, flows: Flows, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("booking")
    event = envelope(1, data=b'{"name":"Ivan"}')
    flows.rejected("booking", event, "SLOT_TAKEN")
    flows.failed("booking", event, ValueError("Ivan"), 2)
    flows.parked("booking", "person-Ivan", quarantined=True)
    flows.stalled("booking.relay", ValueError("Ivan"))
    written = capsys.readouterr().out
    assert "Ivan" not in written
    assert "redacted" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert [(line["event"], line["consumer"]) for line in lines] == [
        ("event.rejected", "booking"),
        ("event.failed", "booking"),
        ("key.quarantined", "booking"),
        ("flow.stalled", "booking.relay"),
    ]
    assert (lines[1]["event_id"], lines[1]["error"]) == (str(event.id), "ValueError")

"""What operators are told when events do not get on."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from prometheus_client import REGISTRY

from event_store import START, Cursor, Metadata, NewEvent, StreamName
from event_store.codec import encode_metadata
from event_store.memory import MemoryEventStore
from messaging import Flow, FlowPosition, OpenInstances, ParkedKey
from messaging.testing import envelope
from read_models import ViewStatus
from service_kit import flows as flows_module
from service_kit.clock import FixedClock
from service_kit.flows import Flows, Watched
from service_kit.health import Health
from service_kit.logging import set_up_logging
from timers import Backlog

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RELAY = Flow("booking.relay", "booking")
SPACE = UUID("0190a000-0000-7000-8000-00000000f100")


@dataclass
class Service:
    """Views, inbox and timers in any state, over a store."""

    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    stopped: bool = False
    standby: bool = False
    seen: Cursor = START
    marks: dict[str, Cursor] = field(default_factory=dict)
    keys: list[ParkedKey] = field(default_factory=list)
    sagas: list[OpenInstances] = field(default_factory=list)
    failing: int = 0

    @property
    def watched(self) -> Watched:
        return Watched(
            views=self,
            inbox=self,
            timers=self,
            store=self.store,
            own={"booking.relay", "booking.reservation"},
            clock=self.clock,
        )

    async def happen(self, *instants: datetime) -> None:
        for instant in instants:
            metadata = Metadata(
                tenant="north",
                actor="service:booking",
                role="service",
                time=instant,
                correlation=SPACE,
            )
            event = NewEvent(
                uuid5(SPACE, str(instant)), "Held.v1", b"{}", encode_metadata(metadata)
            )
            stream = StreamName("day", "north", f"d{instant:%H%M%S}")
            await self.store.append(stream, [event], expected=-1)

    def status(self) -> Sequence[ViewStatus]:
        return [
            ViewStatus("slots", 1, START, "failed" if self.stopped else "live"),
            ViewStatus("doctors", 1, self.seen, "standby" if self.standby else "live"),
        ]

    async def list_parked(self) -> Sequence[ParkedKey]:
        return self.keys

    async def open_instances(self) -> Sequence[OpenInstances]:
        return self.sagas

    async def positions(self) -> Sequence[FlowPosition]:
        return [
            FlowPosition(flow=Flow(name, "booking"), mark=str(mark), offset=-1, parked_keys=0)
            for name, mark in self.marks.items()
        ]

    async def backlog(self) -> Sequence[Backlog]:
        since = NOW - timedelta(seconds=90) if self.failing else None
        return [
            Backlog("hold_expiry", coming=5, due=self.failing, failing=self.failing, oldest=since)
        ]

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
    return Flows(health, types=["Held.v1", "HoldExpired.v1"])


async def looked(flows: Flows, service: Service, health: Health) -> dict[str, str]:
    """What is wrong after one look."""
    await flows.look(service.watched)
    report = await health.report()
    wrong = {name: outcome for name, outcome in report.checks.items() if outcome != "ok"}
    assert report.status == ("degraded" if wrong else "ready")
    return wrong


@pytest.mark.requirement("OPS-16")
async def test_a_service_that_does_not_get_on_says_so(flows: Flows, health: Health) -> None:
    service = Service()
    flows.watching(service.watched)
    assert await looked(flows, service, health) == {}
    assert metric("kabinet_deadlines", deadline="hold_expiry", state="coming") == 5
    assert metric("kabinet_deadline_lag_seconds", deadline="hold_expiry") == 0
    service.stopped = True
    assert await looked(flows, service, health) == {"views": "ViewsStopped"}
    assert metric("kabinet_view_stopped", view="slots") == 1
    assert metric("kabinet_view_stopped", view="doctors") == 0
    service.stopped, service.failing = False, 2
    assert await looked(flows, service, health) == {"timers": "TimersFailing"}
    assert metric("kabinet_deadlines", deadline="hold_expiry", state="failing") == 2
    assert metric("kabinet_deadline_lag_seconds", deadline="hold_expiry") == 90
    service.failing = 0
    assert await looked(flows, service, health) == {}


async def test_only_quarantine_waits_for_a_person(flows: Flows, health: Health) -> None:
    service = Service()
    flows.watching(service.watched)
    service.park(retry_at=NOW, waiting=3)
    assert await looked(flows, service, health) == {}
    service.park(retry_at=None, waiting=4)
    assert await looked(flows, service, health) == {"parked": "EventsParked"}
    assert metric("kabinet_parked_events", flow="booking", quarantined="true") == 4
    service.keys.clear()
    assert await looked(flows, service, health) == {}
    assert metric("kabinet_parked_events", flow="booking", quarantined="true") is None


async def test_lag_is_the_age_of_the_oldest_event_that_was_not_taken(
    flows: Flows, health: Health
) -> None:
    service = Service()
    await service.happen(NOW - timedelta(seconds=60), NOW - timedelta(seconds=20))
    first, second = [page.cursor async for page in service.store.read_all(page_size=1)][:2]
    service.marks = {"booking.relay": first, "booking.reservation": second, "booking.gone": START}
    service.seen = first
    await looked(flows, service, health)
    assert metric("kabinet_flow_lag_seconds", flow="booking.relay") == 20
    assert metric("kabinet_flow_lag_seconds", flow="booking.reservation") == 0
    assert metric("kabinet_flow_lag_seconds", flow="booking.gone") is None
    assert metric("kabinet_view_lag_seconds", view="slots") == 60
    assert metric("kabinet_view_lag_seconds", view="doctors") == 20
    service.standby = True
    await looked(flows, service, health)
    assert metric("kabinet_view_lag_seconds", view="doctors") is None


async def test_open_sagas_are_counted_until_they_end(flows: Flows, health: Health) -> None:
    service = Service()
    hour = timedelta(hours=1)
    service.sagas = [OpenInstances(process="booking.reservation", count=3, oldest=NOW - hour)]
    await looked(flows, service, health)
    assert metric("kabinet_sagas_open", process="booking.reservation") == 3
    assert metric("kabinet_saga_oldest_seconds", process="booking.reservation") == 3600
    service.sagas = []
    await looked(flows, service, health)
    assert metric("kabinet_sagas_open", process="booking.reservation") is None


async def test_what_happens_is_counted_from_zero_by_its_stored_name(flows: Flows) -> None:
    before = metric("kabinet_events_recorded_total", type="Held.v1")
    assert before is not None
    assert metric("kabinet_events_recorded_total", type="HoldExpired.v1") == 0
    flows.relayed(["Held.v1", "Held.v1"])
    assert metric("kabinet_events_recorded_total", type="Held.v1") == before + 2


async def test_a_stalled_flow_degrades_until_it_goes_on_or_is_steady(
    flows: Flows, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows.stalled(RELAY, ConnectionError())
    assert (await health.report()).checks == {"flows": "FlowStalled"}
    flows.handled(RELAY, 1)
    assert (await health.report()).checks == {"flows": "ok"}
    flows.stalled(RELAY, ConnectionError())
    monkeypatch.setattr(flows_module, "STEADY_SECONDS", 0.0)
    assert (await health.report()).checks == {"flows": "ok"}


@pytest.mark.parametrize(
    "other", [Flow("billing", "room.events"), Flow("billing", "booking.events", 1)]
)
async def test_a_stalled_flow_is_not_cleared_by_another_topic_or_partition_that_goes_on(
    flows: Flows, health: Health, other: Flow
) -> None:
    flows.stalled(Flow("billing", "booking.events"), ConnectionError())
    flows.handled(other, 0)
    assert (await health.report()).checks == {"flows": "FlowStalled"}
    flows.handled(Flow("billing", "booking.events"), 1)
    assert (await health.report()).checks == {"flows": "ok"}


async def test_flows_are_counted_by_consumer_and_topic(flows: Flows) -> None:
    flows.stalled(Flow("counted", "booking.events", 3), ConnectionError())
    flows.handled(Flow("counted", "booking.events", 4), 7)
    assert metric("kabinet_flow_stalls_total", flow="counted/booking.events") == 1
    assert metric("kabinet_events_handled_total", flow="counted/booking.events") == 7


async def test_the_lag_of_a_consumer_is_that_of_all_its_partitions(flows: Flows) -> None:
    flows.lag(Flow("lagging", "booking.events", 0), 3)
    flows.lag(Flow("lagging", "booking.events", 1), 4)
    flows.lag(Flow("lagging", "booking.events", 0), 1)
    assert metric("kabinet_flow_lag_events", flow="lagging/booking.events") == 5


async def test_it_goes_on_looking(flows: Flows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows_module, "LOOK_SECONDS", 0.01)
    service = Service()
    looking = asyncio.ensure_future(flows.watching(service.watched)())
    await asyncio.sleep(0.03)
    service.failing = 7
    await asyncio.sleep(0.05)
    assert metric("kabinet_deadlines", deadline="hold_expiry", state="due") == 7
    looking.cancel()


def test_troubles_are_logged_with_what_finds_them_and_nothing_personal(
    restored_logging: None, flows: Flows, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("booking")
    event = envelope(1, data=b'{"name":"Ivan"}')
    flows.rejected("booking", event, "SLOT_TAKEN")
    flows.failed("booking", event, ValueError("Ivan"), 2)
    flows.parked("booking", "person-Ivan", quarantined=True)
    flows.stalled(RELAY, ValueError("Ivan"))
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
    assert (lines[1]["event_id"], lines[1]["error.type"]) == (str(event.id), "ValueError")

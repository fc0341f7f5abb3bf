"""What moves the events of a service, watched for its operators: metrics, logs, and health that tells the truth.

Gauges come from what is durable (marks, parked keys, deadlines), so every worker of a service shows the same; take the
largest. Counters belong to the worker that did it; add them up.
"""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog
from prometheus_client import Counter, Gauge

from event_store import Cursor, EventStore
from event_store.postgres import PostgresEventStore
from messaging import Envelope, Flow, FlowPosition, OpenInstances, ParkedKey
from read_models import ViewStatus
from service_kit.clock import Clock
from service_kit.health import Check, Health
from timers import Backlog

__all__ = ["EventsParked", "FlowStalled", "Flows", "TimersFailing", "ViewsStopped", "Watched"]

LOOK_SECONDS: Final = 5.0
STEADY_SECONDS: Final = 90.0
"""For so long after its last trouble a relay or consumer is called stalled; it tries again at least every minute."""

RECORDED: Final = Counter(
    "kabinet_events_recorded", "Events of the service's store that its relay passed", ("type",)
)
HANDLED: Final = Counter("kabinet_events_handled", "Events handled or published", ("flow",))
FAILURES: Final = Counter("kabinet_event_failures", "Handlers that failed", ("flow",))
REFUSALS: Final = Counter(
    "kabinet_event_refusals", "What an event asked for and the rules refused", ("flow", "code")
)
STALLS: Final = Counter(
    "kabinet_flow_stalls", "Relays and consumers that could not go on", ("flow",)
)
BEHIND: Final = Gauge("kabinet_flow_lag_events", "Events of a topic not handled yet", ("flow",))
FLOW_LAG: Final = Gauge(
    "kabinet_flow_lag_seconds",
    "Age of the oldest event of the service's store that a relay or process has not handled",
    ("flow",),
)
VIEW_LAG: Final = Gauge(
    "kabinet_view_lag_seconds", "Age of the oldest event that a view does not show yet", ("view",)
)
VIEW_STOPPED: Final = Gauge("kabinet_view_stopped", "1: an event stopped it", ("view",))
PARKED: Final = Gauge(
    "kabinet_parked_events",
    "Events that stepped aside: quarantined ones wait for a person, others are tried again",
    ("flow", "quarantined"),
)
SAGAS: Final = Gauge("kabinet_sagas_open", "Sagas that started and have not ended", ("process",))
SAGA_AGE: Final = Gauge(
    "kabinet_saga_oldest_seconds", "Age of the oldest open saga of its kind", ("process",)
)
DEADLINES: Final = Gauge(
    "kabinet_deadlines",
    "Deadlines that come within a day, are due, or are due and fail again and again",
    ("deadline", "state"),
)
DEADLINE_LAG: Final = Gauge(
    "kabinet_deadline_lag_seconds", "How long the oldest due deadline has been due", ("deadline",)
)
HORIZON_LAG: Final = Gauge(
    "kabinet_store_horizon_lag_seconds",
    "Age of the oldest open transaction that writes; what came after it waits for it",
)

_log = structlog.get_logger()


class ViewsStopped(Exception):
    """An event does not go into a view, which shows nothing newer until it is mended."""


class FlowStalled(Exception):
    """A relay or a consumer could not go on lately."""


class EventsParked(Exception):
    """Events are in quarantine and wait for a person: `kabinet parked list`."""


class TimersFailing(Exception):
    """A deadline has passed and its command fails again and again."""


class ViewsLike(Protocol):
    """A `ProjectionRunner`, as it is watched."""

    def status(self) -> Sequence[ViewStatus]:
        """Where every view stands."""
        ...


class InboxLike(Protocol):
    """An `Inbox`, as it is watched."""

    async def list_parked(self) -> Sequence[ParkedKey]:
        """Keys that stepped aside."""
        ...

    async def open_instances(self) -> Sequence[OpenInstances]:
        """Open sagas."""
        ...

    async def positions(self) -> Sequence[FlowPosition]:
        """How far every flow is."""
        ...


class TimersLike(Protocol):
    """A `TimerWorker`, as it is watched."""

    async def backlog(self) -> Sequence[Backlog]:
        """How every deadline stands."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is looked at. `own` are the flows that read the service's own store: its relay and its processes."""

    views: ViewsLike
    inbox: InboxLike
    timers: TimersLike
    store: EventStore
    own: Collection[str]
    clock: Clock


class Flows:
    """The `Watch` of the relay and the consumers of a service, and a look at the rest.

    What is wrong degrades the health of the process that works (OPS-16): it still answers, but somebody has to come.
    `types` are the stored names of the service's events.
    """

    def __init__(self, health: Health, *, types: Iterable[str] = ()) -> None:
        self._health = health
        self._behind: dict[str, dict[int, int]] = {}
        self._stalled_at: dict[Flow, float] = {}
        self._wrong: dict[type[Exception], bool] = {}
        for kind in types:  # from zero on, so that the first one is an increase too
            RECORDED.labels(kind)
        health.add("flows", self._check_stalls, required=False)

    # See messaging.Watch

    def handled(self, flow: Flow, count: int) -> None:
        """A batch was handled or published."""
        HANDLED.labels(flow.name).inc(count)
        self._stalled_at.pop(flow, None)

    def lag(self, flow: Flow, behind: int) -> None:
        """How many events of a partition are still to come."""
        partitions = self._behind.setdefault(flow.name, {})
        partitions[flow.partition] = behind
        BEHIND.labels(flow.name).set(sum(partitions.values()))

    def relayed(self, types: Iterable[str]) -> None:
        """Stored events went by the relay."""
        for kind, count in Tally(types).items():
            RECORDED.labels(kind).inc(count)

    def rejected(self, consumer: str, envelope: Envelope, code: str) -> None:
        """The rules answered no to what an event asked for."""
        REFUSALS.labels(consumer, code).inc()
        _log.info("event.rejected", code=code, **_facts(consumer, envelope))

    def failed(self, consumer: str, envelope: Envelope, error: BaseException, attempt: int) -> None:
        """A handler failed."""
        FAILURES.labels(consumer).inc()
        facts = _facts(consumer, envelope)
        _log.warning("event.failed", error=type(error).__name__, attempt=attempt, **facts)

    def parked(self, consumer: str, key: str, *, quarantined: bool) -> None:
        """A key stepped aside; it holds ids of a tenant's things and is left to `kabinet parked list`."""
        if quarantined:
            _log.error("key.quarantined", consumer=consumer)
        else:
            _log.warning("key.stepped_aside", consumer=consumer)

    def stalled(self, flow: Flow, error: BaseException) -> None:
        """A relay, or a consumer with a partition, cannot go on for now."""
        STALLS.labels(flow.name).inc()
        self._stalled_at[flow] = time.monotonic()
        _log.error("flow.stalled", consumer=flow.name, error=type(error).__name__)

    # What only shows when one looks

    def watching(self, watched: Watched) -> Callable[[], Awaitable[None]]:
        """A task for `Parts` that looks every few seconds; its health checks answer what it saw last."""
        for name, wrong in (
            ("views", ViewsStopped),
            ("parked", EventsParked),
            ("timers", TimersFailing),
        ):
            self._health.add(name, self._check(wrong), required=False)

        async def watch() -> None:
            while True:
                await self.look(watched)
                await asyncio.sleep(LOOK_SECONDS)

        return watch

    async def look(self, watched: Watched) -> None:
        """Look once."""
        now, inbox, store = watched.clock.now(), watched.inbox, watched.store
        views = watched.views.status()
        marks = {
            position.flow.consumer: Cursor.parse(position.mark)
            for position in await inbox.positions()
            if position.flow.consumer in watched.own
        }
        shown = {view.name: view.position for view in views if view.state != "standby"}
        lags = await _lags(store, {*marks.values(), *shown.values()}, now)
        _show(FLOW_LAG, {flow: lags[mark] for flow, mark in marks.items()})
        _show(VIEW_LAG, {view: lags[position] for view, position in shown.items()})
        self._show_stopped(views)
        self._show_parked(await inbox.list_parked())
        sagas = await inbox.open_instances()
        _show(SAGAS, {saga.process: saga.count for saga in sagas})
        _show(SAGA_AGE, {saga.process: _seconds(now, saga.oldest) for saga in sagas})
        self._show_deadlines(await watched.timers.backlog(), now)
        if isinstance(store, PostgresEventStore):
            HORIZON_LAG.set((await store.horizon_lag()).seconds)

    def _show_stopped(self, views: Sequence[ViewStatus]) -> None:
        for view in views:
            VIEW_STOPPED.labels(view.name).set(view.state == "failed")
        self._wrong[ViewsStopped] = any(view.state == "failed" for view in views)

    def _show_parked(self, keys: Sequence[ParkedKey]) -> None:
        waiting: Tally[tuple[str, bool]] = Tally()
        for key in keys:
            waiting[key.flow.consumer, key.retry_at is None] += key.waiting
        PARKED.clear()
        for (consumer, quarantined), count in waiting.items():
            PARKED.labels(consumer, str(quarantined).lower()).set(count)
        self._wrong[EventsParked] = any(quarantined for _, quarantined in waiting)

    def _show_deadlines(self, deadlines: Sequence[Backlog], now: datetime) -> None:
        for each in deadlines:
            DEADLINES.labels(each.name, "coming").set(each.coming)
            DEADLINES.labels(each.name, "due").set(each.due)
            DEADLINES.labels(each.name, "failing").set(each.failing)
            late = 0.0 if each.oldest is None else _seconds(now, each.oldest)
            DEADLINE_LAG.labels(each.name).set(late)
        self._wrong[TimersFailing] = any(each.failing for each in deadlines)

    def _check(self, wrong: type[Exception]) -> Check:
        async def check() -> None:
            if self._wrong.get(wrong):
                raise wrong

        return check

    async def _check_stalls(self) -> None:
        now = time.monotonic()
        if any(now - stalled_at < STEADY_SECONDS for stalled_at in self._stalled_at.values()):
            raise FlowStalled


async def _lags(
    store: EventStore, marks: Collection[Cursor], now: datetime
) -> Mapping[Cursor, float]:
    """The age in seconds of the first event behind each mark, 0 at the end."""
    found = dict.fromkeys(marks, 0.0)
    for mark in marks:
        async for page in store.read_all(after=mark, page_size=1):
            if page.events:
                found[mark] = _seconds(now, page.events[0].meta().time)
                break
    return found


def _show(gauge: Gauge, values: Mapping[str, float]) -> None:
    """Set a gauge with one label to exactly these values."""
    gauge.clear()
    for label, value in values.items():
        gauge.labels(label).set(value)


def _seconds(now: datetime, since: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


def _facts(consumer: str, envelope: Envelope) -> dict[str, str]:
    return {
        "consumer": consumer,
        "event_id": str(envelope.id),
        "type": envelope.type,
        "tenant": envelope.tenant,
        "correlation_id": str(envelope.metadata.correlation),
    }

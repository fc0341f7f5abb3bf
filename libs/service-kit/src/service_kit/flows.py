"""What moves the events of a service, watched for its operators: metrics, logs, and health that tells the truth."""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog
from prometheus_client import Counter, Gauge

from messaging import Envelope, ParkedKey
from read_models import ViewStatus
from service_kit.health import Check, Health
from service_kit.metrics import LAG
from timers import Backlog

__all__ = ["EventsParked", "FlowStalled", "Flows", "TimersFailing", "ViewsStopped"]

LOOK_SECONDS: Final = 5.0
STEADY_SECONDS: Final = 90.0
"""For so long after its last trouble a relay or consumer is called stalled; it tries again at least every minute."""

HANDLED: Final = Counter("kabinet_events_handled", "Events handled or published", ("name",))
FAILURES: Final = Counter("kabinet_event_failures", "Handlers that failed", ("name",))
REFUSALS: Final = Counter(
    "kabinet_event_refusals", "What an event asked for and the rules refused", ("name", "code")
)
STALLS: Final = Counter(
    "kabinet_flow_stalls", "Relays and consumers that could not go on", ("name",)
)
PARKED: Final = Gauge(
    "kabinet_parked_events", "Events that stepped aside", ("service", "name", "quarantined")
)
VIEW_STOPPED: Final = Gauge("kabinet_view_stopped", "1: an event stopped it", ("service", "view"))
VIEW_LAG: Final = Gauge(
    "kabinet_view_lag_seconds",
    "Age of the newest event in a view when it came",
    ("service", "view"),
)
TIMERS: Final = Gauge(
    "kabinet_timers",
    "Deadlines that are due, and those that fail again and again",
    ("service", "state"),
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


class TimersLike(Protocol):
    """A `TimerWorker`, as it is watched."""

    async def backlog(self) -> Backlog:
        """What is due."""
        ...


class Flows:
    """The `Watch` of the relay and the consumers of a service, the observer of its views, and a look at the rest.

    What is wrong degrades the health of the process that works (OPS-16): it still answers, but somebody has to come.
    """

    def __init__(self, service: str, health: Health) -> None:
        self._service, self._health = service, health
        self._behind: dict[str, dict[int, int]] = {}
        self._stalled_at: dict[str, float] = {}
        self._wrong: dict[type[Exception], bool] = {}
        health.add("flows", self._check_stalls, required=False)

    # See messaging.Watch

    def handled(self, consumer: str, count: int) -> None:
        """A batch was handled or published."""
        HANDLED.labels(consumer).inc(count)
        self._stalled_at.pop(consumer, None)

    def lag(self, consumer: str, partition: int, behind: int) -> None:
        """How many events of a partition are still to come."""
        partitions = self._behind.setdefault(consumer, {})
        partitions[partition] = behind
        LAG.labels(self._service, consumer).set(sum(partitions.values()))

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

    def stalled(self, what: str, error: BaseException) -> None:
        """A relay or consumer cannot go on for now."""
        STALLS.labels(what).inc()
        self._stalled_at[what] = time.monotonic()
        _log.error("flow.stalled", consumer=what, error=type(error).__name__)

    # See ProjectionRunner

    def observe(self, view: str, _events: int, lag_seconds: float) -> None:
        """A page went into a view."""
        VIEW_LAG.labels(self._service, view).set(lag_seconds)

    # What only shows when one looks

    def watching(
        self, views: ViewsLike, inbox: InboxLike, timers: TimersLike
    ) -> Callable[[], Awaitable[None]]:
        """A task for `Parts` that looks every few seconds; its health checks answer what it saw last."""
        for name, wrong in (
            ("views", ViewsStopped),
            ("parked", EventsParked),
            ("timers", TimersFailing),
        ):
            self._health.add(name, self._check(wrong), required=False)

        async def watch() -> None:
            while True:
                await self.look(views, inbox, timers)
                await asyncio.sleep(LOOK_SECONDS)

        return watch

    async def look(self, views: ViewsLike, inbox: InboxLike, timers: TimersLike) -> None:
        """Look once."""
        stopped = {status.name: status.state == "failed" for status in views.status()}
        for view, is_stopped in stopped.items():
            VIEW_STOPPED.labels(self._service, view).set(is_stopped)
        self._wrong[ViewsStopped] = any(stopped.values())
        self._wrong[EventsParked] = self._count_parked(await inbox.list_parked())
        backlog = await timers.backlog()
        TIMERS.labels(self._service, "due").set(backlog.due)
        TIMERS.labels(self._service, "failing").set(backlog.failing)
        self._wrong[TimersFailing] = backlog.failing > 0

    def _count_parked(self, keys: Sequence[ParkedKey]) -> bool:
        """Set the gauges; whether any key is in quarantine."""
        waiting: Tally[tuple[str, bool]] = Tally()
        for key in keys:
            waiting[key.flow.consumer, key.retry_at is None] += key.waiting
        PARKED.clear()
        for (consumer, quarantined), count in waiting.items():
            PARKED.labels(self._service, consumer, str(quarantined).lower()).set(count)
        return any(quarantined for _, quarantined in waiting)

    def _check(self, wrong: type[Exception]) -> Check:
        async def check() -> None:
            if self._wrong.get(wrong):
                raise wrong

        return check

    async def _check_stalls(self) -> None:
        now = time.monotonic()
        if any(now - stalled_at < STEADY_SECONDS for stalled_at in self._stalled_at.values()):
            raise FlowStalled


def _facts(consumer: str, envelope: Envelope) -> dict[str, str]:
    return {
        "consumer": consumer,
        "event_id": str(envelope.id),
        "type": envelope.type,
        "tenant": envelope.tenant,
        "correlation_id": str(envelope.metadata.correlation),
    }

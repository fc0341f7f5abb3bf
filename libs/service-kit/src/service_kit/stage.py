"""A whole service in one process, for its component tests; see `service_kit.testing` for tokens and clients."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Final
from uuid import UUID, uuid5

import asyncpg

from event_store import EventStore, Metadata
from messaging import Bus, Envelope, Inbox, Runnable
from messaging.consumer import PublicEventLike
from messaging.memory import MemoryBus, MemoryInbox
from messaging.testing import drain
from privacy.sealing import Sealers
from read_models import ProjectionRunner, Queries, Views
from service_kit.clock import FixedClock
from service_kit.service import Service, ServiceTopic

__all__ = ["Stage"]

NAMESPACE: Final = UUID("0190a000-0000-7000-8000-0000000057a6")


class Stage:
    """Bus and inbox in memory unless others are given, views and timers in PostgreSQL, a clock that stands still.

    `app` is the application over `store`; nothing happens until `settle`.
    """

    def __init__(
        self,
        service: Service,
        app: object,
        pool: asyncpg.Pool,
        clock: FixedClock,
        *,
        store: EventStore,
        bus: Bus | None = None,
        inbox: Inbox | None = None,
        opener: Sealers | None = None,
    ) -> None:
        self.service, self.pool, self.clock, self.store = service, pool, clock, store
        self.bus, self.inbox = bus or MemoryBus(), inbox or MemoryInbox()
        views = service.all_views
        self.runner = ProjectionRunner(pool, store, service.codec, views, opener=opener)
        self.views, self.queries = Views(pool, views, runner=self.runner), Queries(pool)
        self.start(app)
        self._positions = count(1)

    def start(self, app: object, inbox: Inbox | None = None) -> None:
        """Start what works beside the API, or start it again with another application or inbox."""
        self.inbox = inbox or self.inbox
        self.timers = self.service.timers(app, self.pool, self.clock)
        self.flows = self.flows_of(app, self.inbox)

    def flows_of(self, app: object, inbox: Inbox) -> Mapping[str, Runnable]:
        """The service's flows over this store and bus."""
        return self.service.flows(
            app, store=self.store, bus=self.bus, inbox=inbox, clock=self.clock
        )

    async def settle(self, *listeners: Runnable) -> None:
        """Let everything happen that follows, timers too, until nothing does; `listeners` hear it last."""
        while True:
            await drain(*self.flows.values(), *listeners, timeout=30)
            await self.runner.drain()
            if not await self.timers.fire_due():
                return

    async def handle_all_again(self, app: object) -> None:
        """As if every position had been forgotten."""
        await drain(*self.flows_of(app, MemoryInbox()).values(), timeout=30)
        await self.runner.drain()

    async def pass_time(self, step: timedelta) -> None:
        """Later, with everything done that was due meanwhile."""
        self.clock.advance(step)
        await self.settle()

    async def publish(
        self, topic: ServiceTopic, fact: PublicEventLike, *, tenant: str = "north", times: int = 1
    ) -> None:
        """What another service puts on the bus; `times` for a bus that repeats itself.

        Facts of one appointment have one key; the same fact has the same id.
        """
        data = fact.model_dump_json()
        patient_id = getattr(fact, "patient_id", None)
        envelope = Envelope(
            id=uuid5(NAMESPACE, f"{tenant} {fact.type_name()} {data}"),
            source=topic.producer,
            type=fact.type_name(),
            key=f"thing-{tenant}.{getattr(fact, 'appointment_id', data)}",
            position=f"{next(self._positions):032x}",
            data=data.encode(),
            metadata=Metadata(
                tenant=tenant,
                actor=f"service:{topic.producer}",
                role="service",
                time=self.clock.now(),
                correlation=uuid5(NAMESPACE, "story"),
                subject=None if patient_id is None else str(patient_id),
            ),
        )
        for _ in range(times):
            await self.bus.publish(topic, [envelope])

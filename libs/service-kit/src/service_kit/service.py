"""A service, declared once; whatever is the same in every service follows from the declaration."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncpg
import httpx

from event_store import Codec, EventStore
from event_store.opening import open_store
from messaging import (
    Bus,
    Inbox,
    Process,
    Publish,
    Reaction,
    Relay,
    Runnable,
    Watch,
    bus_consumer,
    own_consumer,
)
from messaging.bus import TopicLike
from messaging.opening import open_bus
from messaging.postgres import PostgresInbox
from privacy.errors import KeyUnavailable
from privacy.http import HttpKeyring
from privacy.sealing import Sealers
from read_models import ProjectionRunner, Queries, View, Views, create_views
from service_kit.clock import Clock
from service_kit.database import migrate, open_pool
from service_kit.errors import Unavailable
from service_kit.flows import Flows, Watched
from service_kit.http import ServiceTokens, open_service_tokens
from service_kit.kit import Kit
from service_kit.run import Parts
from service_kit.settings import ServiceSettings, naming
from service_kit.supervisor import Task
from timers import Deadline, TimerWorker, timers_view

__all__ = ["Ground", "Service", "ServiceTopic", "Work", "open_ground", "open_sealers"]

PASSING: Final = (Unavailable, KeyUnavailable)
"""Errors that pass by themselves, whatever the service."""


class ServiceTopic(TopicLike, Protocol):
    """A topic that says whose it is."""

    @property
    def producer(self) -> str:
        """The service whose relay writes it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a service stores, shows, tells, hears and does by itself.

    `views` are the read models without the one of the timers, which follows from `deadlines`. `hears` is a table of
    topics, each with its handlers. `passing` are errors of the service's own adapters that pass by themselves.
    """

    name: str
    codec: Codec[Any]
    topic: TopicLike
    publish: Publish
    views: Sequence[View[Any]] = ()
    deadlines: Sequence[Deadline] = ()
    processes: Sequence[Process] = ()
    hears: Sequence[tuple[ServiceTopic, Mapping[type[Any], Reaction]]] = ()
    passing: tuple[type[Exception], ...] = ()

    @property
    def all_views(self) -> tuple[View[Any], ...]:
        """The read models, and the table of the timers."""
        return (*self.views, timers_view(self.deadlines))

    @property
    def own_flows(self) -> frozenset[str]:
        """Names of the flows that read the service's own store: its relay and its processes."""
        return frozenset(
            f"{self.name}.{flow}" for flow in ("relay", *(p.name for p in self.processes))
        )

    def flows(
        self,
        app: object,
        *,
        store: EventStore,
        bus: Bus,
        inbox: Inbox,
        clock: Clock,
        watch: Watch | None = None,
    ) -> Mapping[str, Runnable]:
        """Everything that moves events: out, in, and from one stream to the next.

        `app` is the application dataclass whose fields the processes and handlers name.
        """
        relay = Relay(
            service=self.name,
            store=store,
            codec=self.codec,
            publish=self.publish,
            bus=bus,
            topic=self.topic,
            inbox=inbox,
            watch=watch,
        )
        processes = {
            f"process_{process.name}": own_consumer(
                service=self.name,
                process=process,
                store=store,
                codec=self.codec,
                app=app,
                inbox=inbox,
                watch=watch,
                clock=clock,
                retryable=(*PASSING, *self.passing),
            )
            for process in self.processes
        }
        inputs = {
            f"inbox_{topic.producer}": bus_consumer(
                service=self.name,
                topic=topic,
                handlers=handlers,
                app=app,
                bus=bus,
                inbox=inbox,
                watch=watch,
                clock=clock,
                retryable=(*PASSING, *self.passing),
            )
            for topic, handlers in self.hears
        }
        return {"relay": relay, **processes, **inputs}

    def timers(self, app: object, pool: asyncpg.Pool, clock: Clock) -> TimerWorker:
        """What fires the deadlines."""
        view = timers_view(self.deadlines)
        return TimerWorker(pool, view, self.deadlines, app=app, service=self.name, clock=clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a service does beside answering, and the views that it keeps."""

    views: Views
    tasks: Mapping[str, Task]

    def parts(self, api: Any) -> Parts:
        """The service, whole."""
        return Parts(api=api, tasks=self.tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The open resources that every service stands on."""

    service: Service
    kit: Kit
    pool: asyncpg.Pool
    store: EventStore
    bus: Bus
    inbox: Inbox

    @property
    def queries(self) -> Queries:
        """Reads of the service's own tables."""
        return Queries(self.pool)

    def work(self, app: object, *, opener: Sealers | None = None) -> Work:
        """The tasks of a worker. `opener` opens sealed values for views that show them."""
        service, clock = self.service, self.kit.clock
        views = service.all_views
        watch = Flows(self.kit.health, types=service.codec.types)
        runner = ProjectionRunner(self.pool, self.store, service.codec, views, opener=opener)
        timers = service.timers(app, self.pool, clock)
        flows = service.flows(
            app, store=self.store, bus=self.bus, inbox=self.inbox, clock=clock, watch=watch
        )
        return Work(
            views=Views(self.pool, views, runner=runner),
            tasks={
                "views": runner.run,
                "timers": timers.run,
                "flows": watch.watching(
                    Watched(
                        views=runner,
                        inbox=self.inbox,
                        timers=timers,
                        store=self.store,
                        own=service.own_flows,
                        clock=clock,
                    )
                ),
                **{name: flow.run for name, flow in flows.items()},
            },
        )


@asynccontextmanager
async def open_ground(
    service: Service, settings: ServiceSettings, kit: Kit
) -> AsyncIterator[Ground]:
    """Open database, event store, inbox and bus, in the schema that this version needs; close them in reverse.

    Which store and which bus, their addresses in the settings say.

    The package's own numbered migrations are applied when it has a folder `migrations`.
    """
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(
                settings.database_url,
                application_name=service.name,
                max_size=settings.database_connections,
            )
        )
        kit.health.add("database", lambda: _ask(pool))
        await migrate(pool, service.name)
        await create_views(pool, service.all_views)
        with naming(settings, "store_url"):
            store = await stack.enter_async_context(
                open_store(settings.store_address, service=service.name, pool=pool)
            )
        if settings.store_url is not None:
            kit.health.add("store", store.ping)
        inbox = await PostgresInbox.open(pool)
        stack.push_async_callback(inbox.close)
        with naming(settings, "bus_url"):
            bus = await stack.enter_async_context(
                open_bus(
                    settings.bus_url.get_secret_value(),
                    client=service.name,
                    open_pool=lambda url: open_pool(url, application_name=service.name),
                )
            )
        kit.health.add("bus", bus.ping, required=False)
        yield Ground(service=service, kit=kit, pool=pool, store=store, bus=bus, inbox=inbox)


@asynccontextmanager
async def open_sealers(
    settings: ServiceSettings, kit: Kit
) -> AsyncIterator[tuple[Sealers, ServiceTokens]]:
    """What seals and opens personal values with keys that identity keeps, and the tokens for calls to others."""
    async with open_service_tokens(settings, kit) as tokens, httpx.AsyncClient() as client:
        keyring = HttpKeyring(
            client, identity_url=settings.identity_url, service_token=tokens.of("identity")
        )
        yield Sealers(keyring), tokens


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")

"""How the consultation room is put together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import asyncpg
import httpx
from fastapi import FastAPI

from consultation_room.api import consultations as consultation_routes
from consultation_room.api import files, live, messages
from consultation_room.api.access import ACCESS
from consultation_room.api.live import LiveRoom
from consultation_room.api.problems import PROBLEMS
from consultation_room.application import ConsultationRoom
from consultation_room.application.live import CHAT_THREADS, CONSULTATIONS, Live
from consultation_room.application.presence import Presence
from consultation_room.application.processes import conversation
from consultation_room.consumers import billing, booking
from consultation_room.domain.chat_thread import events as chat_thread_events
from consultation_room.domain.chat_thread.decider import CHAT_THREAD
from consultation_room.domain.consultation import events as consultation_events
from consultation_room.domain.consultation.decider import CONSULTATION
from consultation_room.domain.policies import RoomPolicies
from consultation_room.publishing.consultations import publish
from consultation_room.read_models import consultations, transcript
from consultation_room.settings import ConsultationRoomSettings
from consultation_room.timers import DEADLINES, TIMERS
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS, ROOM_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.postgres import PostgresEventStore
from file_store.folder import FolderFileStore
from messaging import Bus, Inbox, Relay, Runnable, Watch, bus_consumer, own_consumer
from messaging.postgres import PostgresBus, PostgresInbox
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.errors import KeyUnavailable
from privacy.http import HttpKeyring
from privacy.sealing import Sealers
from read_models import ProjectionRunner, Queries, View, Views, create_views
from service_kit.app import create_app
from service_kit.clock import Clock
from service_kit.database import open_pool
from service_kit.errors import Unavailable
from service_kit.flows import Flows
from service_kit.http import ServiceClient, ServiceTokens, open_service_tokens
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.sessions import PolledSessionGuard
from service_kit.supervisor import Supervisor
from service_kit.tokens import SessionGuard
from timers import TimerWorker

__all__ = [
    "CODEC",
    "VIEWS",
    "build_api",
    "build_live",
    "build_reactions",
    "build_room",
    "describe",
    "open_consultation_room",
]

SERVICE: Final = "consultation_room"
POLICIES: Final = "consultation-room"

_CONSULTATIONS: Final = Codec(consultation_events.STORED_NAMES)
_CHAT_THREADS: Final = Codec(chat_thread_events.STORED_NAMES)
CODEC: Final[Codec[Any]] = Codec.merge(_CONSULTATIONS, _CHAT_THREADS, POLICY_CODEC)
VIEWS: Final[Sequence[View[Any]]] = (consultations.VIEW, transcript.VIEW, TIMERS)


def build_room(store: EventStore) -> ConsultationRoom:
    return ConsultationRoom(
        consultations=CommandHandler(store, CONSULTATION, _CONSULTATIONS, CONSULTATIONS),
        threads=CommandHandler(store, CHAT_THREAD, _CHAT_THREADS, CHAT_THREADS),
        policies=PolicyBook(store, RoomPolicies, service=POLICIES),
    )


def build_live(store: EventStore) -> Live:
    """What tells live connections the news; it must run in every process that has some."""
    return Live(store, CODEC)


def build_api(
    kit: Kit, state: Mapping[str, object] | None = None, views: Views | None = None
) -> FastAPI:
    """`state` is what `api.dependencies` hands to the routes, and `live_room`."""
    return create_app(
        kit,
        routers=[
            consultation_routes.router,
            messages.router,
            files.router,
            live.router,
            policies_router(POLICIES),
        ],
        access=ACCESS,
        problems=PROBLEMS,
        views=views,
        state=state,
    )


def describe() -> FastAPI:
    """The API without any resource, for its documents."""
    return build_api(describing_kit(SERVICE))


def build_reactions(
    room: ConsultationRoom,
    store: EventStore,
    bus: Bus,
    inbox: Inbox,
    clock: Clock,
    watch: Watch | None = None,
) -> Mapping[str, Runnable]:
    """Everything that follows from events: the clinic's words, others' facts, and what is told to others."""
    retryable = (Unavailable, KeyUnavailable)
    return {
        "relay": Relay(
            service=SERVICE,
            store=store,
            codec=CODEC,
            publish=publish,
            bus=bus,
            topic=ROOM_EVENTS,
            inbox=inbox,
            watch=watch,
        ),
        "conversation": own_consumer(
            service=SERVICE,
            process=conversation.PROCESS,
            store=store,
            codec=CODEC,
            app=room,
            inbox=inbox,
            watch=watch,
            clock=clock,
            retryable=retryable,
        ),
        **{
            f"inbox_{topic.producer}": bus_consumer(
                service=SERVICE,
                topic=topic,
                handlers=handlers,
                app=room,
                bus=bus,
                inbox=inbox,
                watch=watch,
                clock=clock,
                retryable=retryable,
            )
            for topic, handlers in (
                (BOOKING_EVENTS, booking.HANDLERS),
                (BILLING_EVENTS, billing.HANDLERS),
            )
        },
    }


@asynccontextmanager
async def open_consultation_room(
    settings: ConsultationRoomSettings, kit: Kit
) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(settings.database_url, application_name=SERVICE, max_size=20)
        )
        bus_pool = await stack.enter_async_context(
            open_pool(settings.bus_url, application_name=SERVICE)
        )
        kit.health.add("database", lambda: _ask(pool))
        kit.health.add("bus", lambda: _ask(bus_pool), required=False)
        await create_views(pool, VIEWS)
        store = await PostgresEventStore.open(pool)
        stack.push_async_callback(store.close)
        inbox = await PostgresInbox.open(pool)
        stack.push_async_callback(inbox.close)
        bus = await PostgresBus.open(bus_pool)
        stack.push_async_callback(bus.close)
        store_of_files = FolderFileStore(settings.files_dir)
        await store_of_files.sweep()
        room = build_room(store)
        tokens = await stack.enter_async_context(open_service_tokens(settings, kit))
        sealers = await _open_sealers(settings, tokens, stack)
        kit = replace(kit, guard=await _open_guard(settings, kit, tokens, stack))
        watch = Flows(SERVICE, kit.health)
        runner = ProjectionRunner(pool, store, CODEC, VIEWS, clock=kit.clock, observe=watch.observe)
        timers = TimerWorker(pool, TIMERS, DEADLINES, app=room, service=SERVICE, clock=kit.clock)
        reactions = build_reactions(room, store, bus, inbox, kit.clock, watch)
        state = {
            "room": room,
            "policies": room.policies,
            "queries": Queries(pool),
            "sealers": sealers,
            "files": store_of_files,
            "live_room": LiveRoom(
                room=room,
                live=await _open_live(store, kit, stack),
                presence=await _open_presence(stack),
                sealers=sealers,
            ),
        }
        yield Parts(
            api=build_api(kit, state, Views(pool, VIEWS, runner=runner)),
            tasks={
                "views": runner.run,
                "timers": timers.run,
                "flows": watch.watching(runner, inbox, timers),
                **{name: reaction.run for name, reaction in reactions.items()},
            },
        )


async def _open_live(store: EventStore, kit: Kit, stack: AsyncExitStack) -> Live:
    """Not among the worker's tasks: a process that only serves the API has live connections too."""
    told = build_live(store)
    supervisor = Supervisor({"live": told.run}, kit.health)
    supervisor.start()
    stack.push_async_callback(supervisor.stop, within=1.0)
    return told


async def _open_presence(stack: AsyncExitStack) -> Presence:
    presence = Presence()
    stack.push_async_callback(presence.close)
    return presence


async def _open_guard(
    settings: ConsultationRoomSettings, kit: Kit, tokens: ServiceTokens, stack: AsyncExitStack
) -> SessionGuard:
    """The gateway asks once, at the door; a live connection has to end when its session does."""
    identity = await stack.enter_async_context(
        ServiceClient.open(settings.identity_url, audience="identity", tokens=tokens)
    )
    guard = await stack.enter_async_context(PolledSessionGuard.open(identity, kit.clock))
    kit.health.add("sessions", guard.check, required=False)
    return guard


async def _open_sealers(
    settings: ConsultationRoomSettings, tokens: ServiceTokens, stack: AsyncExitStack
) -> Sealers:
    client = await stack.enter_async_context(httpx.AsyncClient())
    return Sealers(
        HttpKeyring(client, identity_url=settings.identity_url, service_token=tokens.of("identity"))
    )


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")

"""How the consultation room is put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

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
from consultation_room.consumers import billing, booking, conclusions
from consultation_room.domain.chat_reading import events as chat_reading_events
from consultation_room.domain.chat_reading.decider import CHAT_READING
from consultation_room.domain.chat_thread import events as chat_thread_events
from consultation_room.domain.chat_thread.decider import CHAT_THREAD
from consultation_room.domain.consultation import events as consultation_events
from consultation_room.domain.consultation.decider import CONSULTATION
from consultation_room.domain.policies import RoomPolicies
from consultation_room.publishing.consultations import publish
from consultation_room.read_models import consultations, transcript
from consultation_room.settings import ConsultationRoomSettings
from consultation_room.timers import DEADLINES
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS, CONCLUSIONS_EVENTS, ROOM_EVENTS
from event_store import Codec, CommandHandler, EventStore
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from read_models import View, Views
from service_kit.app import create_app
from service_kit.files import open_files
from service_kit.http import ServiceClient, ServiceTokens
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.service import Service, open_ground, open_sealers
from service_kit.sessions import PolledSessionGuard
from service_kit.supervisor import Supervisor
from service_kit.tokens import SessionGuard

__all__ = [
    "CODEC",
    "SERVICE",
    "VIEWS",
    "build_api",
    "build_live",
    "build_room",
    "describe",
    "open_consultation_room",
]

POLICIES: Final = "consultation-room"

_CONSULTATIONS: Final = Codec(consultation_events.STORED_NAMES)
_CHAT_THREADS: Final = Codec(chat_thread_events.STORED_NAMES)
_CHAT_READINGS: Final = Codec(chat_reading_events.STORED_NAMES)
CODEC: Final[Codec[Any]] = Codec.merge(_CONSULTATIONS, _CHAT_THREADS, _CHAT_READINGS, POLICY_CODEC)
SERVICE: Final = Service(
    name="consultation_room",
    codec=CODEC,
    topic=ROOM_EVENTS,
    publish=publish,
    views=(consultations.VIEW, transcript.VIEW),
    deadlines=DEADLINES,
    processes=(conversation.PROCESS,),
    hears=(
        (BOOKING_EVENTS, booking.HANDLERS),
        (BILLING_EVENTS, billing.HANDLERS),
        (CONCLUSIONS_EVENTS, conclusions.HANDLERS),
    ),
)
VIEWS: Final[tuple[View[Any], ...]] = SERVICE.all_views


def build_room(store: EventStore) -> ConsultationRoom:
    return ConsultationRoom(
        consultations=CommandHandler(store, CONSULTATION, _CONSULTATIONS, CONSULTATIONS),
        threads=CommandHandler(store, CHAT_THREAD, _CHAT_THREADS, CHAT_THREADS),
        readings=CommandHandler(store, CHAT_READING, _CHAT_READINGS, "chat-reading"),
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
    return build_api(describing_kit(SERVICE.name))


@asynccontextmanager
async def open_consultation_room(
    settings: ConsultationRoomSettings, kit: Kit
) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(open_ground(SERVICE, settings, kit))
        sealers, tokens = await stack.enter_async_context(open_sealers(settings, kit))
        sealed_files = await stack.enter_async_context(open_files(settings, kit, sealers))
        room = build_room(ground.store)
        kit = replace(kit, guard=await _open_guard(settings, kit, tokens, stack))
        work = ground.work(room)
        state = {
            "room": room,
            "policies": room.policies,
            "queries": ground.queries,
            "sealers": sealers,
            "files": sealed_files,
            "live_room": LiveRoom(
                room=room,
                live=await _open_live(ground.store, kit, stack),
                presence=await _open_presence(stack),
                sealers=sealers,
            ),
        }
        yield work.parts(build_api(kit, state, work.views))


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

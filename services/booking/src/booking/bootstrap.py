"""How booking is put together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx
from fastapi import FastAPI

from booking.api import appointments, changing, doctors, reserving, schedule_templates
from booking.api.access import ACCESS
from booking.api.problems import PROBLEMS
from booking.application import Booking
from booking.application.processes.rescheduling import RESCHEDULING
from booking.application.processes.reservation import RESERVATION
from booking.application.processes.schedule import SCHEDULE
from booking.consumers import billing, consultation_room, identity
from booking.domain.appointment import events as appointment_events
from booking.domain.appointment.decider import APPOINTMENT
from booking.domain.branch import events as branch_events
from booking.domain.branch.decider import BRANCH
from booking.domain.doctor_day import events as doctor_day_events
from booking.domain.doctor_day.decider import DOCTOR_DAY
from booking.domain.doctor_listing import events as doctor_listing_events
from booking.domain.doctor_listing.decider import DOCTOR_LISTING
from booking.domain.patient_booking_quota import events as quota_events
from booking.domain.patient_booking_quota.decider import PATIENT_BOOKING_QUOTA
from booking.domain.patient_standing import events as patient_standing_events
from booking.domain.patient_standing.decider import PATIENT_STANDING
from booking.domain.policies import BookingPolicies
from booking.domain.schedule_template import events as schedule_template_events
from booking.domain.schedule_template.decider import SCHEDULE_TEMPLATE
from booking.domain.service_price import events as service_price_events
from booking.domain.service_price.decider import SERVICE_PRICE
from booking.publishing import publish
from booking.read_models import VIEWS as OWN_VIEWS
from booking.settings import BookingSettings
from booking.timers import DEADLINES, TIMERS
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS, IDENTITY_EVENTS, ROOM_EVENTS
from event_store import Codec, CommandHandler, EventStore
from event_store.postgres import PostgresEventStore
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
from service_kit.http import open_service_tokens
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from timers import TimerWorker

__all__ = [
    "CODEC",
    "VIEWS",
    "build_api",
    "build_booking",
    "build_reactions",
    "build_state",
    "describe",
    "open_booking",
]

SERVICE: Final = "booking"
CATCH_UP_SECONDS: Final = 2.0
PROCESSES: Final = (RESERVATION, RESCHEDULING, SCHEDULE)
CONSUMERS: Final = (
    (IDENTITY_EVENTS, identity.HANDLERS),
    (BILLING_EVENTS, billing.HANDLERS),
    (ROOM_EVENTS, consultation_room.HANDLERS),
)

DOCTOR_DAYS: Final = Codec(doctor_day_events.STORED_NAMES)
APPOINTMENTS: Final = Codec(appointment_events.STORED_NAMES)
SCHEDULE_TEMPLATES: Final = Codec(schedule_template_events.STORED_NAMES)
DOCTOR_LISTINGS: Final = Codec(doctor_listing_events.STORED_NAMES)
QUOTAS: Final = Codec(quota_events.STORED_NAMES)
PATIENT_STANDINGS: Final = Codec(patient_standing_events.STORED_NAMES)
BRANCHES: Final = Codec(branch_events.STORED_NAMES)
SERVICE_PRICES: Final = Codec(service_price_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(
    DOCTOR_DAYS,
    APPOINTMENTS,
    SCHEDULE_TEMPLATES,
    DOCTOR_LISTINGS,
    QUOTAS,
    PATIENT_STANDINGS,
    BRANCHES,
    SERVICE_PRICES,
    POLICY_CODEC,
)
VIEWS: Final[Sequence[View[Any]]] = (*OWN_VIEWS, TIMERS)


def build_booking(store: EventStore) -> Booking:
    """The aggregates over a store; the last argument of each is the category of its streams."""
    return Booking(
        doctor_days=CommandHandler(store, DOCTOR_DAY, DOCTOR_DAYS, "doctor-day"),
        appointments=CommandHandler(store, APPOINTMENT, APPOINTMENTS, "appointment"),
        schedule_templates=CommandHandler(
            store, SCHEDULE_TEMPLATE, SCHEDULE_TEMPLATES, "schedule-template"
        ),
        doctor_listings=CommandHandler(store, DOCTOR_LISTING, DOCTOR_LISTINGS, "doctor-listing"),
        quotas=CommandHandler(store, PATIENT_BOOKING_QUOTA, QUOTAS, "patient-booking-quota"),
        patient_standings=CommandHandler(
            store, PATIENT_STANDING, PATIENT_STANDINGS, "patient-standing"
        ),
        branches=CommandHandler(store, BRANCH, BRANCHES, "branch"),
        service_prices=CommandHandler(store, SERVICE_PRICE, SERVICE_PRICES, "service-price"),
    )


def build_state(
    booking: Booking, store: EventStore, pool: asyncpg.Pool, views: Views, sealers: Sealers
) -> Mapping[str, object]:
    """What `api.dependencies` hands to the routes."""

    async def catch_up() -> bool:
        return await views.wait_for(await store.position(), CATCH_UP_SECONDS)

    return {
        "booking": booking,
        "policies": PolicyBook(store, BookingPolicies, service=SERVICE),
        "queries": Queries(pool),
        "sealers": sealers,
        "catch_up": catch_up,
    }


def build_api(
    kit: Kit, state: Mapping[str, object] | None = None, views: Views | None = None
) -> FastAPI:
    return create_app(
        kit,
        routers=[
            doctors.router,
            reserving.router,
            appointments.router,
            changing.router,
            schedule_templates.router,
            policies_router(SERVICE),
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
    booking: Booking,
    store: EventStore,
    bus: Bus,
    inbox: Inbox,
    clock: Clock,
    watch: Watch | None = None,
) -> Mapping[str, Runnable]:
    """Everything that follows from events: own processes, others' facts, and what is told to others."""
    retryable = (Unavailable, KeyUnavailable)
    relay = Relay(
        service=SERVICE,
        store=store,
        codec=CODEC,
        publish=publish,
        bus=bus,
        topic=BOOKING_EVENTS,
        inbox=inbox,
        watch=watch,
    )
    processes = {
        process.name: own_consumer(
            service=SERVICE,
            process=process,
            store=store,
            codec=CODEC,
            app=booking,
            inbox=inbox,
            watch=watch,
            clock=clock,
            retryable=retryable,
        )
        for process in PROCESSES
    }
    inboxes = {
        f"inbox_{topic.producer}": bus_consumer(
            service=SERVICE,
            topic=topic,
            handlers=handlers,
            app=booking,
            bus=bus,
            inbox=inbox,
            watch=watch,
            clock=clock,
            retryable=retryable,
        )
        for topic, handlers in CONSUMERS
    }
    return {"relay": relay, **processes, **inboxes}


@asynccontextmanager
async def open_booking(settings: BookingSettings, kit: Kit) -> AsyncIterator[Parts]:
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
        booking = build_booking(store)
        watch = Flows(SERVICE, kit.health)
        runner = ProjectionRunner(pool, store, CODEC, VIEWS, clock=kit.clock, observe=watch.observe)
        timers = TimerWorker(pool, TIMERS, DEADLINES, app=booking, service=SERVICE, clock=kit.clock)
        reactions = build_reactions(booking, store, bus, inbox, kit.clock, watch)
        views = Views(pool, VIEWS, runner=runner)
        state = build_state(booking, store, pool, views, await _open_sealers(settings, kit, stack))
        yield Parts(
            api=build_api(kit, state, views),
            tasks={
                "views": runner.run,
                "timers": timers.run,
                "flows": watch.watching(runner, inbox, timers),
                **{name: reaction.run for name, reaction in reactions.items()},
            },
        )


async def _open_sealers(settings: BookingSettings, kit: Kit, stack: AsyncExitStack) -> Sealers:
    tokens = await stack.enter_async_context(open_service_tokens(settings, kit))
    client = await stack.enter_async_context(httpx.AsyncClient())
    return Sealers(
        HttpKeyring(client, identity_url=settings.identity_url, service_token=tokens.of("identity"))
    )


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")

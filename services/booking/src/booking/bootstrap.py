"""How booking is put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from booking.api import (
    appointments,
    changing,
    doctors,
    reserving,
    schedule_templates,
    visits,
)
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
from booking.read_models import VIEWS as READ_MODELS
from booking.settings import BookingSettings
from booking.timers import DEADLINES
from contracts.topics import BILLING_EVENTS, BOOKING_EVENTS, IDENTITY_EVENTS, ROOM_EVENTS
from event_store import Codec, CommandHandler, EventStore
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.sealing import Sealers
from read_models import Queries, View, Views
from service_kit.app import create_app
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.service import Service, open_ground, open_sealers

__all__ = [
    "CODEC",
    "SERVICE",
    "VIEWS",
    "build_api",
    "build_booking",
    "build_state",
    "describe",
    "open_booking",
]

CATCH_UP_SECONDS: Final = 2.0

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
SERVICE: Final = Service(
    name="booking",
    codec=CODEC,
    topic=BOOKING_EVENTS,
    publish=publish,
    views=READ_MODELS,
    deadlines=DEADLINES,
    processes=(RESERVATION, RESCHEDULING, SCHEDULE),
    hears=(
        (IDENTITY_EVENTS, identity.HANDLERS),
        (BILLING_EVENTS, billing.HANDLERS),
        (ROOM_EVENTS, consultation_room.HANDLERS),
    ),
)
VIEWS: Final[tuple[View[Any], ...]] = SERVICE.all_views


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
    booking: Booking, store: EventStore, queries: Queries, views: Views, sealers: Sealers
) -> Mapping[str, object]:
    """What `api.dependencies` hands to the routes."""

    async def catch_up() -> bool:
        return await views.wait_for(await store.position(), CATCH_UP_SECONDS)

    return {
        "booking": booking,
        "policies": PolicyBook(store, BookingPolicies, service=SERVICE.name),
        "queries": queries,
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
            visits.router,
            schedule_templates.router,
            policies_router(SERVICE.name),
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
async def open_booking(settings: BookingSettings, kit: Kit) -> AsyncIterator[Parts]:
    async with (
        open_ground(SERVICE, settings, kit) as ground,
        open_sealers(settings, kit) as (sealers, _),
    ):
        booking = build_booking(ground.store)
        work = ground.work(booking)
        state = build_state(booking, ground.store, ground.queries, work.views, sealers)
        yield work.parts(build_api(kit, state, work.views))

"""How notifications is put together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx
from fastapi import FastAPI

from contracts.topics import (
    BILLING_EVENTS,
    BOOKING_EVENTS,
    CONCLUSIONS_EVENTS,
    IDENTITY_EVENTS,
    NOTIFICATIONS_EVENTS,
)
from event_store import Codec, CommandHandler, EventStore
from event_store.postgres import PostgresEventStore
from messaging import Bus, Inbox, Relay, Runnable, Watch, bus_consumer, own_consumer
from messaging.postgres import PostgresBus, PostgresInbox
from notifications.adapters.sms_ru import SmsRu
from notifications.adapters.smtp import SmtpMailer, SmtpServer
from notifications.api import messages
from notifications.api.access import ACCESS
from notifications.api.problems import PROBLEMS
from notifications.application import Notifications
from notifications.application.ports import Carrier
from notifications.application.processes.reminding import REMINDING
from notifications.application.processes.sending import SENDING
from notifications.application.wording import Wording
from notifications.consumers import billing, booking, conclusions, identity
from notifications.domain.clinic import events as clinic_events
from notifications.domain.clinic.decider import CLINIC
from notifications.domain.contact_preferences import events as contact_preferences_events
from notifications.domain.contact_preferences.decider import CONTACT_PREFERENCES
from notifications.domain.message import events as message_events
from notifications.domain.message.decider import MESSAGE
from notifications.domain.message_types import Channel
from notifications.domain.policies import NotificationPolicies
from notifications.domain.reminder_plan import events as reminder_plan_events
from notifications.domain.reminder_plan.decider import REMINDER_PLAN
from notifications.publishing import publish
from notifications.read_models import VIEWS as OWN_VIEWS
from notifications.settings import NotificationsSettings
from notifications.timers import DEADLINES, TIMERS
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
from service_kit.http import ProviderClient, open_service_tokens
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from timers import TimerWorker

__all__ = [
    "CODEC",
    "VIEWS",
    "build_api",
    "build_notifications",
    "build_policies",
    "build_reactions",
    "describe",
    "open_notifications",
]

SERVICE: Final = "notifications"
PROCESSES: Final = (SENDING, REMINDING)
CONSUMERS: Final = (
    (IDENTITY_EVENTS, identity.HANDLERS),
    (BOOKING_EVENTS, booking.HANDLERS),
    (BILLING_EVENTS, billing.HANDLERS),
    (CONCLUSIONS_EVENTS, conclusions.HANDLERS),
)

MESSAGES: Final = Codec(message_events.STORED_NAMES)
REMINDER_PLANS: Final = Codec(reminder_plan_events.STORED_NAMES)
PREFERENCES: Final = Codec(contact_preferences_events.STORED_NAMES)
CLINICS: Final = Codec(clinic_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(MESSAGES, REMINDER_PLANS, PREFERENCES, CLINICS, POLICY_CODEC)
VIEWS: Final[Sequence[View[Any]]] = (*OWN_VIEWS, TIMERS)


def build_policies(store: EventStore) -> PolicyBook[NotificationPolicies]:
    return PolicyBook(store, NotificationPolicies, service=SERVICE)


def build_notifications(
    store: EventStore,
    policies: PolicyBook[NotificationPolicies],
    sealers: Sealers,
    wording: Wording,
    carriers: Mapping[Channel, Carrier],
) -> Notifications:
    """The aggregates over a store; the last argument of each is the category of its streams."""
    return Notifications(
        messages=CommandHandler(store, MESSAGE, MESSAGES, "message"),
        reminder_plans=CommandHandler(store, REMINDER_PLAN, REMINDER_PLANS, "reminder-plan"),
        contact_preferences=CommandHandler(
            store, CONTACT_PREFERENCES, PREFERENCES, "contact-preferences"
        ),
        clinics=CommandHandler(store, CLINIC, CLINICS, "clinic"),
        policies=policies,
        sealers=sealers,
        wording=wording,
        carriers=carriers,
    )


def build_api(
    kit: Kit, state: Mapping[str, object] | None = None, views: Views | None = None
) -> FastAPI:
    """`state` is what `api.dependencies` hands to the routes."""
    return create_app(
        kit,
        routers=[messages.router, policies_router(SERVICE)],
        access=ACCESS,
        problems=PROBLEMS,
        views=views,
        state=state,
    )


def describe() -> FastAPI:
    """The API without any resource, for its documents."""
    return build_api(describing_kit(SERVICE))


def build_reactions(
    notifications: Notifications,
    store: EventStore,
    bus: Bus,
    inbox: Inbox,
    clock: Clock,
    watch: Watch | None = None,
) -> Mapping[str, Runnable]:
    """Everything that follows from events. Letters leave from here and from nowhere else (NTF-30)."""
    retryable = (Unavailable, KeyUnavailable)
    relay = Relay(
        service=SERVICE,
        store=store,
        codec=CODEC,
        publish=publish,
        bus=bus,
        topic=NOTIFICATIONS_EVENTS,
        inbox=inbox,
        watch=watch,
    )
    processes = {
        process.name: own_consumer(
            service=SERVICE,
            process=process,
            store=store,
            codec=CODEC,
            app=notifications,
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
            app=notifications,
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
async def open_notifications(settings: NotificationsSettings, kit: Kit) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(settings.database_url, application_name=SERVICE)
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
        policies = build_policies(store)
        wording = Wording(kit.texts, settings.cabinet_url.rstrip("/"))
        notifications = build_notifications(
            store,
            policies,
            await _open_sealers(settings, kit, stack),
            wording,
            await _open_carriers(settings, kit, stack),
        )
        watch = Flows(SERVICE, kit.health)
        runner = ProjectionRunner(pool, store, CODEC, VIEWS, clock=kit.clock, observe=watch.observe)
        timers = TimerWorker(
            pool, TIMERS, DEADLINES, app=notifications, service=SERVICE, clock=kit.clock
        )
        reactions = build_reactions(notifications, store, bus, inbox, kit.clock, watch)
        state = {"policies": policies, "queries": Queries(pool), "wording": wording}
        yield Parts(
            api=build_api(kit, state, Views(pool, VIEWS, runner=runner)),
            tasks={
                "views": runner.run,
                "timers": timers.run,
                "flows": watch.watching(runner, inbox, timers),
                **{name: reaction.run for name, reaction in reactions.items()},
            },
        )


async def _open_carriers(
    settings: NotificationsSettings, kit: Kit, stack: AsyncExitStack
) -> Mapping[Channel, Carrier]:
    sms = await stack.enter_async_context(ProviderClient.open("sms", settings.sms_url))
    kit.health.add("sms", sms.check, required=False)
    lookup = None
    if settings.mail_lookup_url is not None:
        lookup = await stack.enter_async_context(
            ProviderClient.open("mail lookup", settings.mail_lookup_url)
        )
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password,
        sender=settings.mail_from,
        senders=settings.mail_from_by_tenant,
    )
    return {
        Channel.EMAIL: SmtpMailer(server, lookup, kit.clock),
        Channel.SMS: SmsRu(sms, settings.sms_api_id),
    }


async def _open_sealers(
    settings: NotificationsSettings, kit: Kit, stack: AsyncExitStack
) -> Sealers:
    tokens = await stack.enter_async_context(open_service_tokens(settings, kit))
    client = await stack.enter_async_context(httpx.AsyncClient())
    return Sealers(
        HttpKeyring(client, identity_url=settings.identity_url, service_token=tokens.of("identity"))
    )


async def _ask(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")

"""How notifications is put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from contracts.topics import (
    BILLING_EVENTS,
    BOOKING_EVENTS,
    CONCLUSIONS_EVENTS,
    IDENTITY_EVENTS,
    NOTIFICATIONS_EVENTS,
)
from event_store import Codec, CommandHandler, EventStore
from notifications.adapters.sms_ru import SmsRu
from notifications.adapters.smtp import SmtpMailer, SmtpServer
from notifications.api import messages
from notifications.api.access import ACCESS
from notifications.api.problems import PROBLEMS
from notifications.application import Notifications
from notifications.application.ports import Carrier
from notifications.application.processes.cancelling import CANCELLING
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
from notifications.read_models import VIEWS as READ_MODELS
from notifications.settings import NotificationsSettings
from notifications.timers import DEADLINES
from policies import POLICY_CODEC, PolicyBook
from policies.api import policies_router
from privacy.sealing import Sealers
from read_models import View, Views
from service_kit.app import create_app
from service_kit.http import ProviderClient
from service_kit.kit import Kit
from service_kit.run import Parts, describing_kit
from service_kit.service import Service, open_ground, open_sealers

__all__ = [
    "CODEC",
    "SERVICE",
    "VIEWS",
    "build_api",
    "build_notifications",
    "build_policies",
    "describe",
    "open_notifications",
]

MESSAGES: Final = Codec(message_events.STORED_NAMES)
REMINDER_PLANS: Final = Codec(reminder_plan_events.STORED_NAMES)
PREFERENCES: Final = Codec(contact_preferences_events.STORED_NAMES)
CLINICS: Final = Codec(clinic_events.STORED_NAMES)

CODEC: Final[Codec[Any]] = Codec.merge(MESSAGES, REMINDER_PLANS, PREFERENCES, CLINICS, POLICY_CODEC)
SERVICE: Final = Service(
    name="notifications",
    codec=CODEC,
    topic=NOTIFICATIONS_EVENTS,
    publish=publish,
    views=READ_MODELS,
    deadlines=DEADLINES,
    # Letters leave from here and from nowhere else (NTF-30).
    processes=(SENDING, REMINDING, CANCELLING),
    hears=(
        (IDENTITY_EVENTS, identity.HANDLERS),
        (BOOKING_EVENTS, booking.HANDLERS),
        (BILLING_EVENTS, billing.HANDLERS),
        (CONCLUSIONS_EVENTS, conclusions.HANDLERS),
    ),
)
VIEWS: Final[tuple[View[Any], ...]] = SERVICE.all_views


def build_policies(store: EventStore) -> PolicyBook[NotificationPolicies]:
    return PolicyBook(store, NotificationPolicies, service=SERVICE.name)


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
        routers=[messages.router, policies_router(SERVICE.name)],
        access=ACCESS,
        problems=PROBLEMS,
        views=views,
        state=state,
    )


def describe() -> FastAPI:
    """The API without any resource, for its documents."""
    return build_api(describing_kit(SERVICE.name))


@asynccontextmanager
async def open_notifications(settings: NotificationsSettings, kit: Kit) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(open_ground(SERVICE, settings, kit))
        sealers, _ = await stack.enter_async_context(open_sealers(settings, kit))
        policies = build_policies(ground.store)
        wording = Wording(kit.texts, settings.cabinet_url.rstrip("/"))
        notifications = build_notifications(
            ground.store, policies, sealers, wording, await _open_carriers(settings, kit, stack)
        )
        work = ground.work(notifications)
        state = {"policies": policies, "queries": ground.queries, "wording": wording}
        yield work.parts(build_api(kit, state, work.views))


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

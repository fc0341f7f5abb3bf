"""The service as its entry points see it: one handler per kind of stream, and what messages are made and sent with."""

from collections.abc import Mapping
from dataclasses import dataclass

from event_store import CommandHandler
from notifications.application.ports import Carrier, Policies
from notifications.application.wording import Wording
from notifications.domain.clinic.commands import ClinicCommand
from notifications.domain.clinic.events import ClinicEvent
from notifications.domain.clinic.state import Clinic
from notifications.domain.contact_preferences.commands import ContactPreferencesCommand
from notifications.domain.contact_preferences.events import ContactPreferencesEvent
from notifications.domain.contact_preferences.state import ContactPreferences
from notifications.domain.message.commands import MessageCommand
from notifications.domain.message.events import MessageEvent
from notifications.domain.message.state import Message
from notifications.domain.message_types import Channel
from notifications.domain.reminder_plan.commands import ReminderPlanCommand
from notifications.domain.reminder_plan.events import ReminderPlanEvent
from notifications.domain.reminder_plan.state import ReminderPlan
from privacy.sealing import Sealers

__all__ = ["Notifications"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """What can be done here. In brackets the key of each stream."""

    messages: CommandHandler[MessageCommand, Message, MessageEvent]
    """(message: causing event, recipient and type) From queued to sent."""
    reminder_plans: CommandHandler[ReminderPlanCommand, ReminderPlan, ReminderPlanEvent]
    """(appointment) Its facts, and when to remind of it."""
    contact_preferences: CommandHandler[
        ContactPreferencesCommand, ContactPreferences, ContactPreferencesEvent
    ]
    """(person) Own copy of identity's facts."""
    clinics: CommandHandler[ClinicCommand, Clinic, ClinicEvent]
    """(one per tenant) Own copy of identity's facts."""
    policies: Policies
    sealers: Sealers
    wording: Wording
    carriers: Mapping[Channel, Carrier]

"""A preference is applied when it differs from the one that is known."""

from collections.abc import Sequence

from decider import Decider
from notifications.domain.contact_preferences.commands import (
    ApplyPreference,
    ContactPreferencesCommand,
)
from notifications.domain.contact_preferences.events import (
    ContactPreferenceApplied,
    ContactPreferencesEvent,
)
from notifications.domain.contact_preferences.state import ContactPreferences, evolve

__all__ = ["CONTACT_PREFERENCES", "decide"]


def decide(
    command: ApplyPreference, state: ContactPreferences
) -> Sequence[ContactPreferenceApplied]:
    return [] if command.preference == state else [command.preference]


CONTACT_PREFERENCES: Decider[
    ContactPreferencesCommand, ContactPreferences, ContactPreferencesEvent
] = Decider(initial=None, decide=decide, evolve=evolve)

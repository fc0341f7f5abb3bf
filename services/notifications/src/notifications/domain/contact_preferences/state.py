"""What is known of how a person may be reached: the latest preference, or nothing."""

from notifications.domain.contact_preferences.events import ContactPreferenceApplied

__all__ = ["ContactPreferences", "evolve"]

ContactPreferences = ContactPreferenceApplied | None


def evolve(_state: ContactPreferences, event: ContactPreferenceApplied) -> ContactPreferences:
    return event

"""Wishes about contact preferences."""

from dataclasses import dataclass

from notifications.domain.contact_preferences.events import ContactPreferenceApplied

__all__ = ["ApplyPreference", "ContactPreferencesCommand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPreference:
    preference: ContactPreferenceApplied


ContactPreferencesCommand = ApplyPreference

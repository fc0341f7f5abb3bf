"""Facts of contact preferences. Their names and fields are stored for ever."""

from dataclasses import dataclass
from uuid import UUID

from vocabulary.sealed import Sealed

__all__ = ["STORED_NAMES", "ContactPreferenceApplied", "ContactPreferencesEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPreferenceApplied:
    """From now on the person is reached like this."""

    person_id: UUID
    language: str
    wants_letters: bool
    email: Sealed[str] | None = None
    phone: Sealed[str] | None = None


ContactPreferencesEvent = ContactPreferenceApplied

STORED_NAMES: dict[type[ContactPreferencesEvent], str] = {
    ContactPreferenceApplied: "ContactPreferenceApplied.v1",
}

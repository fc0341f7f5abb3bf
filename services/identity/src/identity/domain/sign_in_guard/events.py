"""Facts at the door. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

__all__ = ["STORED_NAMES", "SignInAttempted", "SignInForgiven", "SignInGuardEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempted:
    """Somebody tried; it counts until `counts_until` unless it is forgiven."""

    attempt_id: UUID
    attempted_at: datetime
    counts_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInForgiven:
    """The attempt was a sign-in."""

    attempt_id: UUID


SignInGuardEvent = SignInAttempted | SignInForgiven

STORED_NAMES: dict[type[SignInGuardEvent], str] = {
    SignInAttempted: "SignInAttempted.v1",
    SignInForgiven: "SignInForgiven.v1",
}

"""What a registration is about."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.domain.people import Consent, Login, PatientProfile
from vocabulary.ids import AccountId
from vocabulary.sealed import Sealed

__all__ = ["IssuedCode", "RegistrationDetails"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationDetails:
    """What was entered, and the rules of that moment: they hold for the whole attempt (OPS-15).

    The code goes to the contact that is the login.
    """

    attempt_id: UUID
    account_id: AccountId
    profile: PatientProfile
    login: Login
    language: str
    consents: tuple[Consent, ...]
    closes_at: datetime
    wrong_codes_allowed: int
    codes_allowed: int
    resend_seconds: int
    code_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """A code as its letter needs it, and its keyed hash as the check needs it."""

    code: Sealed[str]
    code_hash: str

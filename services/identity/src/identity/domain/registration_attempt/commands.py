"""Wishes of somebody who registers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from vocabulary.sealed import Sealed

__all__ = [
    "AbandonRegistration",
    "CompleteRegistration",
    "ConfirmRegistration",
    "ExpireRegistration",
    "RefuseRegistration",
    "RegistrationAttemptCommand",
    "ReissueCode",
    "StartRegistration",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRegistration:
    """Enter the data and have a code sent (IDN-06, IDN-09)."""

    details: RegistrationDetails
    code: IssuedCode
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReissueCode:
    """Have another code sent; the one before is worth nothing then (IDN-10)."""

    request_id: UUID
    code: IssuedCode
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRegistration:
    """Enter the code with the password of the account to be (IDN-11)."""

    entry_id: UUID
    code_hash: str
    password: Sealed[str]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonRegistration:
    """Cancel (IDN-12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireRegistration:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRegistration:
    """The account is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseRegistration:
    """The login belongs to another account."""


RegistrationAttemptCommand = (
    StartRegistration
    | ReissueCode
    | ConfirmRegistration
    | AbandonRegistration
    | ExpireRegistration
    | CompleteRegistration
    | RefuseRegistration
)

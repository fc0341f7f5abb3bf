"""Facts of a registration. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from vocabulary.ids import PatientId
from vocabulary.sealed import Sealed

__all__ = [
    "STORED_NAMES",
    "ConfirmationCodeIssued",
    "ConfirmationCodeRejected",
    "RegistrationAttemptEvent",
    "RegistrationClosed",
    "RegistrationClosure",
    "RegistrationCompleted",
    "RegistrationConfirmed",
    "RegistrationStarted",
]


class RegistrationClosure(StrEnum):
    """Why a registration ended without an account."""

    ABANDONED = "ABANDONED"
    EXPIRED = "EXPIRED"
    CODES_USED_UP = "CODES_USED_UP"
    LOGIN_TAKEN = "LOGIN_TAKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationStarted:
    """The data are entered; the answers about consent are part of them."""

    details: RegistrationDetails
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationCodeIssued:
    """A code is on its way to the contact; it is good before `expires_at`, the next one from `resend_at` on.

    `details` are those of the registration, `request_id` is missing for the first code.
    """

    details: RegistrationDetails
    code: IssuedCode
    number: int
    expires_at: datetime
    resend_at: datetime
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationCodeRejected:
    """Another code than the one that was sent was entered."""

    entry_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationConfirmed:
    """The right code was entered, so the contact is the person's own; the account can be asked for."""

    details: RegistrationDetails
    code_hash: str
    password: Sealed[str]
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationCompleted:
    """The account exists, and the patient may sign in."""

    details: RegistrationDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationClosed:
    """There will be no account from this registration."""

    attempt_id: UUID
    patient_id: PatientId
    closure: RegistrationClosure


RegistrationAttemptEvent = (
    RegistrationStarted
    | ConfirmationCodeIssued
    | ConfirmationCodeRejected
    | RegistrationConfirmed
    | RegistrationCompleted
    | RegistrationClosed
)

STORED_NAMES: dict[type[RegistrationAttemptEvent], str] = {
    RegistrationStarted: "RegistrationStarted.v1",
    ConfirmationCodeIssued: "ConfirmationCodeIssued.v1",
    ConfirmationCodeRejected: "ConfirmationCodeRejected.v1",
    RegistrationConfirmed: "RegistrationConfirmed.v1",
    RegistrationCompleted: "RegistrationCompleted.v1",
    RegistrationClosed: "RegistrationClosed.v1",
}

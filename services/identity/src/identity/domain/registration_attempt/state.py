"""What is remembered of a registration."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from identity.domain.registration_attempt.details import RegistrationDetails
from identity.domain.registration_attempt.events import (
    ConfirmationCodeIssued,
    ConfirmationCodeRejected,
    RegistrationAttemptEvent,
    RegistrationClosed,
    RegistrationClosure,
    RegistrationCompleted,
    RegistrationConfirmed,
    RegistrationStarted,
)

__all__ = [
    "AwaitingCode",
    "Closed",
    "Confirmed",
    "DataEntered",
    "NotStarted",
    "Registered",
    "RegistrationAttempt",
    "evolve",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DataEntered:
    """No code is on its way yet; never seen from outside, for both facts are written together."""

    details: RegistrationDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingCode:
    """`wrong_entries` are the entries of wrong codes, over all codes of the attempt."""

    details: RegistrationDetails
    code_hash: str
    number: int
    expires_at: datetime
    resend_at: datetime
    request_id: UUID | None
    wrong_entries: frozenset[UUID] = frozenset()

    @property
    def attempts_left(self) -> int:
        """How many wrong codes more the attempt survives, the last of which closes it."""
        return self.details.wrong_codes_allowed - len(self.wrong_entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The account is on its way."""

    details: RegistrationDetails
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    details: RegistrationDetails
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    closure: RegistrationClosure
    wrong_entries: frozenset[UUID] = frozenset()


RegistrationAttempt = NotStarted | DataEntered | AwaitingCode | Confirmed | Registered | Closed


def evolve(state: RegistrationAttempt, event: RegistrationAttemptEvent) -> RegistrationAttempt:
    match event:
        case RegistrationStarted():
            return DataEntered(details=event.details)
        case ConfirmationCodeIssued():
            return AwaitingCode(
                details=event.details,
                code_hash=event.code.code_hash,
                number=event.number,
                expires_at=event.expires_at,
                resend_at=event.resend_at,
                request_id=event.request_id,
                wrong_entries=_wrong_entries(state),
            )
        case ConfirmationCodeRejected():
            if not isinstance(state, AwaitingCode):
                return state
            return replace(state, wrong_entries=state.wrong_entries | {event.entry_id})
        case RegistrationConfirmed():
            return Confirmed(details=event.details, code_hash=event.code_hash)
        case RegistrationCompleted():
            if not isinstance(state, Confirmed):
                return state
            return Registered(details=state.details, code_hash=state.code_hash)
        case RegistrationClosed():
            return Closed(closure=event.closure, wrong_entries=_wrong_entries(state))
        case _:
            assert_never(event)


def _wrong_entries(state: RegistrationAttempt) -> frozenset[UUID]:
    return state.wrong_entries if isinstance(state, AwaitingCode) else frozenset()

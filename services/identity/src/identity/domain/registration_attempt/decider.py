"""Rules of a registration (IDN-09 to IDN-12)."""

import hmac
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from decider import Decider
from identity.domain.registration_attempt.commands import (
    AbandonRegistration,
    CompleteRegistration,
    ConfirmRegistration,
    ExpireRegistration,
    RefuseRegistration,
    RegistrationAttemptCommand,
    ReissueCode,
    StartRegistration,
)
from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from identity.domain.registration_attempt.errors import (
    CodeExpired,
    CodesUsedUp,
    RegistrationOver,
    ResendTooEarly,
    UnknownRegistration,
)
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
from identity.domain.registration_attempt.state import (
    AwaitingCode,
    Closed,
    Confirmed,
    DataEntered,
    NotStarted,
    Registered,
    RegistrationAttempt,
    evolve,
)

__all__ = ["REGISTRATION_ATTEMPT", "decide"]


def decide(
    command: RegistrationAttemptCommand, state: RegistrationAttempt
) -> Sequence[RegistrationAttemptEvent]:
    match command:
        case StartRegistration():
            return start(command, state)
        case ReissueCode():
            return reissue_code(command, state)
        case ConfirmRegistration():
            return confirm(command, state)
        case AbandonRegistration():
            return abandon(state)
        case ExpireRegistration():
            return expire(command, state)
        case CompleteRegistration():
            return complete(state)
        case RefuseRegistration():
            return refuse(state)
        case _:
            assert_never(command)


def start(
    command: StartRegistration, state: RegistrationAttempt
) -> Sequence[RegistrationStarted | ConfirmationCodeIssued]:
    if not isinstance(state, NotStarted):
        return []
    return [
        RegistrationStarted(details=command.details, started_at=command.now),
        _issue(command.details, command.code, command.now, number=1),
    ]


def reissue_code(
    command: ReissueCode, state: RegistrationAttempt
) -> Sequence[ConfirmationCodeIssued]:
    if isinstance(state, AwaitingCode) and state.request_id == command.request_id:
        return []
    waiting = _awaiting(state, command.now)
    if waiting.number >= waiting.details.codes_allowed:
        raise CodesUsedUp
    if command.now < waiting.resend_at:
        wait = (waiting.resend_at - command.now).total_seconds()
        raise ResendTooEarly(retry_after_seconds=math.ceil(wait))
    return [
        _issue(
            waiting.details,
            command.code,
            command.now,
            number=waiting.number + 1,
            request_id=command.request_id,
        )
    ]


def confirm(
    command: ConfirmRegistration, state: RegistrationAttempt
) -> Sequence[ConfirmationCodeRejected | RegistrationClosed | RegistrationConfirmed]:
    """A wrong code is a fact, for it counts; the last one that is allowed closes the attempt (IDN-10)."""
    match state:
        case Confirmed() | Registered() if hmac.compare_digest(state.code_hash, command.code_hash):
            return []
        case AwaitingCode() | Closed() if command.entry_id in state.wrong_entries:
            return []
        case _:
            waiting = _awaiting(state, command.now)
    if command.now >= waiting.expires_at:
        raise CodeExpired
    if hmac.compare_digest(waiting.code_hash, command.code_hash):
        return [
            RegistrationConfirmed(
                details=waiting.details,
                code_hash=command.code_hash,
                password=command.password,
                confirmed_at=command.now,
            )
        ]
    rejected = ConfirmationCodeRejected(entry_id=command.entry_id)
    if waiting.attempts_left > 1:
        return [rejected]
    return [rejected, _closed(waiting, RegistrationClosure.CODES_USED_UP)]


def abandon(state: RegistrationAttempt) -> Sequence[RegistrationClosed]:
    match state:
        case AwaitingCode():
            return [_closed(state, RegistrationClosure.ABANDONED)]
        case Closed():
            return []
        case Confirmed() | Registered():
            raise RegistrationOver(closure=None)
        case NotStarted() | DataEntered():
            raise UnknownRegistration
        case _:
            assert_never(state)


def expire(command: ExpireRegistration, state: RegistrationAttempt) -> Sequence[RegistrationClosed]:
    if isinstance(state, AwaitingCode) and command.now >= state.details.closes_at:
        return [_closed(state, RegistrationClosure.EXPIRED)]
    return []


def complete(state: RegistrationAttempt) -> Sequence[RegistrationCompleted]:
    match state:
        case Confirmed():
            return [RegistrationCompleted(details=state.details)]
        case Registered():
            return []
        case Closed():
            raise RegistrationOver(closure=state.closure)
        case NotStarted() | DataEntered() | AwaitingCode():
            raise UnknownRegistration
        case _:
            assert_never(state)


def refuse(state: RegistrationAttempt) -> Sequence[RegistrationClosed]:
    match state:
        case Confirmed():
            return [_closed(state, RegistrationClosure.LOGIN_TAKEN)]
        case Closed():
            return []
        case Registered():
            raise RegistrationOver(closure=None)
        case NotStarted() | DataEntered() | AwaitingCode():
            raise UnknownRegistration
        case _:
            assert_never(state)


def _awaiting(state: RegistrationAttempt, now: datetime) -> AwaitingCode:
    """The attempt while it is open: up to but without the instant at which it closes."""
    match state:
        case AwaitingCode():
            if now >= state.details.closes_at:
                raise RegistrationOver(closure=RegistrationClosure.EXPIRED)
            return state
        case Closed():
            raise RegistrationOver(closure=state.closure)
        case Confirmed() | Registered():
            raise RegistrationOver(closure=None)
        case NotStarted() | DataEntered():
            raise UnknownRegistration
        case _:
            assert_never(state)


def _issue(
    details: RegistrationDetails,
    code: IssuedCode,
    now: datetime,
    *,
    number: int,
    request_id: UUID | None = None,
) -> ConfirmationCodeIssued:
    return ConfirmationCodeIssued(
        details=details,
        code=code,
        number=number,
        expires_at=now + timedelta(minutes=details.code_minutes),
        resend_at=now + timedelta(seconds=details.resend_seconds),
        request_id=request_id,
    )


def _closed(state: AwaitingCode | Confirmed, closure: RegistrationClosure) -> RegistrationClosed:
    details = state.details
    return RegistrationClosed(
        attempt_id=details.attempt_id, patient_id=details.profile.patient_id, closure=closure
    )


REGISTRATION_ATTEMPT: Decider[
    RegistrationAttemptCommand, RegistrationAttempt, RegistrationAttemptEvent
] = Decider(initial=NotStarted(), decide=decide, evolve=evolve)

"""The rule at the door: so many failed attempts in a window, then wait (IDN-20)."""

import math
from collections.abc import Sequence
from typing import assert_never

from decider import Decider
from identity.domain.sign_in_guard.commands import (
    BeginSignIn,
    ForgiveSignIn,
    SignInGuardCommand,
)
from identity.domain.sign_in_guard.errors import TooManyAttempts
from identity.domain.sign_in_guard.events import (
    SignInAttempted,
    SignInForgiven,
    SignInGuardEvent,
)
from identity.domain.sign_in_guard.state import SignInGuard, evolve

__all__ = ["SIGN_IN_GUARD", "decide"]


def decide(command: SignInGuardCommand, state: SignInGuard) -> Sequence[SignInGuardEvent]:
    match command:
        case BeginSignIn():
            return begin(command, state)
        case ForgiveSignIn():
            return forgive(command, state)
        case _:
            assert_never(command)


def begin(command: BeginSignIn, state: SignInGuard) -> Sequence[SignInAttempted]:
    if any(attempt_id == command.attempt_id for attempt_id, _ in state.attempts):
        return []
    counting = sorted(until for _, until in state.attempts if until > command.now)
    if len(counting) >= command.limit:
        # As many must be forgotten as there are too many, one place for this attempt included.
        free_at = counting[len(counting) - command.limit]
        raise TooManyAttempts(
            retry_after_seconds=math.ceil((free_at - command.now).total_seconds())
        )
    return [
        SignInAttempted(
            attempt_id=command.attempt_id,
            attempted_at=command.now,
            counts_until=command.now + command.window,
        )
    ]


def forgive(command: ForgiveSignIn, state: SignInGuard) -> Sequence[SignInForgiven]:
    if all(attempt_id != command.attempt_id for attempt_id, _ in state.attempts):
        return []
    return [SignInForgiven(attempt_id=command.attempt_id)]


SIGN_IN_GUARD: Decider[SignInGuardCommand, SignInGuard, SignInGuardEvent] = Decider(
    initial=SignInGuard(), decide=decide, evolve=evolve
)

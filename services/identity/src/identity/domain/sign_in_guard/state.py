"""What is remembered at the door: the attempts that still count."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from identity.domain.sign_in_guard.events import (
    SignInAttempted,
    SignInForgiven,
    SignInGuardEvent,
)

__all__ = ["SignInGuard", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInGuard:
    """Attempts with the instant at which each is forgotten."""

    attempts: tuple[tuple[UUID, datetime], ...] = ()


def evolve(state: SignInGuard, event: SignInGuardEvent) -> SignInGuard:
    match event:
        case SignInAttempted():
            counting = (row for row in state.attempts if row[1] > event.attempted_at)
            return SignInGuard(attempts=(*counting, (event.attempt_id, event.counts_until)))
        case SignInForgiven():
            return SignInGuard(
                attempts=tuple(row for row in state.attempts if row[0] != event.attempt_id)
            )
        case _:
            assert_never(event)

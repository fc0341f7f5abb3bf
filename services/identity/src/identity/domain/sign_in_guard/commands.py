"""Wishes of somebody at the door."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

__all__ = ["BeginSignIn", "ForgiveSignIn", "SignInGuardCommand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginSignIn:
    """Count the attempt before the password is looked at, so that parallel guesses count too."""

    attempt_id: UUID
    now: datetime
    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgiveSignIn:
    """The password was right."""

    attempt_id: UUID


SignInGuardCommand = BeginSignIn | ForgiveSignIn

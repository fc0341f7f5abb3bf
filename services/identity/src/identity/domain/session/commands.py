"""Wishes about a session."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.domain.session.events import SessionEnd
from vocabulary.ids import AccountId, SessionId

__all__ = ["EndSession", "RefreshSession", "SessionCommand", "StartSession"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession:
    session_id: SessionId
    account_id: AccountId
    now: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSession:
    """Exchange the refresh token of `generation`; access tokens given out so far end by `tokens_until`."""

    generation: int
    request_id: UUID
    now: datetime
    tokens_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    reason: SessionEnd
    now: datetime
    tokens_until: datetime


SessionCommand = StartSession | RefreshSession | EndSession

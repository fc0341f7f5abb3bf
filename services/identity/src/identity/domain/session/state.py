"""What is remembered of a session."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from identity.domain.session.events import (
    SessionEnded,
    SessionEvent,
    SessionRefreshed,
    SessionStarted,
)
from vocabulary.ids import AccountId, SessionId

__all__ = ["Active", "Ended", "NotStarted", "Session", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """The refresh token of `generation` is good; `request_id` is the request that was given it."""

    session_id: SessionId
    account_id: AccountId
    expires_at: datetime
    generation: int = 0
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    request_id: UUID | None = None


Session = NotStarted | Active | Ended


def evolve(state: Session, event: SessionEvent) -> Session:
    match event:
        case SessionStarted():
            return Active(
                session_id=event.session_id,
                account_id=event.account_id,
                expires_at=event.expires_at,
            )
        case SessionRefreshed():
            if not isinstance(state, Active):
                return state
            return replace(state, generation=event.generation, request_id=event.request_id)
        case SessionEnded():
            return Ended(request_id=event.request_id)
        case _:
            assert_never(event)

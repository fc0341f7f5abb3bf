"""Rules of a session: a refresh token is good once, and a spent one shows that somebody stole it."""

from collections.abc import Sequence
from typing import assert_never

from decider import Decider
from identity.domain.session.commands import (
    EndSession,
    RefreshSession,
    SessionCommand,
    StartSession,
)
from identity.domain.session.errors import RefreshRefused
from identity.domain.session.events import (
    SessionEnd,
    SessionEnded,
    SessionEvent,
    SessionRefreshed,
    SessionStarted,
)
from identity.domain.session.state import Active, Ended, NotStarted, Session, evolve

__all__ = ["SESSION", "decide"]


def decide(command: SessionCommand, state: Session) -> Sequence[SessionEvent]:
    match command:
        case StartSession():
            return start(command, state)
        case RefreshSession():
            return refresh(command, state)
        case EndSession():
            return end(command, state)
        case _:
            assert_never(command)


def start(command: StartSession, state: Session) -> Sequence[SessionStarted]:
    if not isinstance(state, NotStarted):
        return []
    return [
        SessionStarted(
            session_id=command.session_id,
            account_id=command.account_id,
            started_at=command.now,
            expires_at=command.expires_at,
        )
    ]


def refresh(command: RefreshSession, state: Session) -> Sequence[SessionRefreshed | SessionEnded]:
    """The same request again gets the same answer: it is a lost answer, not a theft."""
    if isinstance(state, Active | Ended) and state.request_id == command.request_id:
        return []
    if not isinstance(state, Active) or command.now >= state.expires_at:
        raise RefreshRefused
    if command.generation > state.generation:
        raise RefreshRefused
    if command.generation < state.generation:
        return [
            SessionEnded(
                session_id=state.session_id,
                reason=SessionEnd.TOKEN_REUSED,
                tokens_until=command.tokens_until,
                request_id=command.request_id,
            )
        ]
    return [SessionRefreshed(generation=state.generation + 1, request_id=command.request_id)]


def end(command: EndSession, state: Session) -> Sequence[SessionEnded]:
    if not isinstance(state, Active):
        return []
    return [
        SessionEnded(
            session_id=state.session_id, reason=command.reason, tokens_until=command.tokens_until
        )
    ]


SESSION: Decider[SessionCommand, Session, SessionEvent] = Decider(
    initial=NotStarted(), decide=decide, evolve=evolve
)

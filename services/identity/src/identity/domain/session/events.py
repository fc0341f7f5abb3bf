"""Facts of a session. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vocabulary.ids import AccountId, SessionId

__all__ = [
    "STORED_NAMES",
    "SessionEnd",
    "SessionEnded",
    "SessionEvent",
    "SessionRefreshed",
    "SessionStarted",
]


class SessionEnd(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "SIGNED_OUT"
    TOKEN_REUSED = "TOKEN_REUSED"  # noqa: S105 - a reason, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """Somebody signed in. Its first refresh token is of generation 0."""

    session_id: SessionId
    account_id: AccountId
    started_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRefreshed:
    """A refresh token was exchanged for the one of `generation`."""

    generation: int
    request_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """From now on nothing of the session is accepted; its access tokens expire by `tokens_until`.

    `request_id` is the request that showed a spent refresh token.
    """

    session_id: SessionId
    reason: SessionEnd
    tokens_until: datetime
    request_id: UUID | None = None


SessionEvent = SessionStarted | SessionRefreshed | SessionEnded

STORED_NAMES: dict[type[SessionEvent], str] = {
    SessionStarted: "SessionStarted.v1",
    SessionRefreshed: "SessionRefreshed.v1",
    SessionEnded: "SessionEnded.v1",
}

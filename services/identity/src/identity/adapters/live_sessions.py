"""Identity's own door: a token is good only as long as its session lives, without any delay (IDN-27)."""

from typing_extensions import override

from event_store import CommandHandler
from identity.domain.session.commands import SessionCommand
from identity.domain.session.events import SessionEvent
from identity.domain.session.state import Active, Session
from service_kit.clock import Clock
from service_kit.problems import Problem
from service_kit.tokens import KeySource, Token, TokenVerifier

__all__ = ["LiveSessionVerifier"]


class LiveSessionVerifier(TokenVerifier):
    """Verifies a token and looks at the stream of its session each time."""

    def __init__(
        self,
        sessions: CommandHandler[SessionCommand, Session, SessionEvent],
        *,
        service: str,
        keys: KeySource,
        clock: Clock,
    ) -> None:
        super().__init__(service=service, keys=keys, clock=clock)
        self._sessions = sessions

    @override
    async def verify(self, text: str) -> Token:
        """See `TokenVerifier`; raises 401 SESSION_ENDED."""
        token = await super().verify(text)
        if token.session_id is not None and token.tenant is not None:
            session, _ = await self._sessions.load(tenant=token.tenant, key=token.session_id)
            if not isinstance(session, Active):
                raise Problem(401, "SESSION_ENDED", headers={"WWW-Authenticate": "Bearer"})
        return token

"""Signing in: count the attempt, find the account, look at the password, start a session."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from decider import Rejection
from event_store import CommandContext, Handled
from identity.application import Identity
from identity.application.contexts import as_account, step
from identity.application.logins import TypedLogin
from identity.application.ports import Passwords
from identity.domain.account.state import Open
from identity.domain.policies import IdentityPolicies
from identity.domain.session.commands import StartSession
from identity.domain.session.events import SessionEvent
from identity.domain.session.state import Session
from identity.domain.sign_in_guard.commands import BeginSignIn, ForgiveSignIn
from privacy.sealing import Sealers
from vocabulary.ids import SessionId, TenantId

__all__ = ["InvalidCredentials", "SignIn", "SignedIn"]


class InvalidCredentials(Rejection):
    """No such login, or not its password: which of the two is not told (IDN-20)."""

    code: ClassVar[str] = "INVALID_CREDENTIALS"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    account: Open
    session_id: SessionId
    handled: Handled[Session, SessionEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The use case; `session_life` is how long a session may be prolonged."""

    identity: Identity
    passwords: Passwords
    sealers: Sealers
    session_life: timedelta

    async def __call__(  # one attempt has all of these
        self,
        login: TypedLogin | None,
        password: str,
        *,
        address: str,
        rules: IdentityPolicies,
        now: datetime,
        context: CommandContext,
    ) -> SignedIn:
        """Start a session. `address` is a keyed hash, `login` None for a text that can be no login.

        Raises InvalidCredentials, TooManyAttempts.
        """
        tenant, attempt_id = TenantId(context.metadata.tenant), context.command_id
        guards = {f"address:{address}": rules.sign_in_attempts_per_address}
        if login is not None:
            guards[f"login:{login.key}"] = rules.sign_in_attempts_per_login
        window = timedelta(minutes=rules.sign_in_window_minutes)
        for key, limit in guards.items():
            await self.identity.sign_in_guards.handle(
                BeginSignIn(attempt_id=attempt_id, now=now, limit=limit, window=window),
                key=key,
                context=step(context, f"begin {key}"),
            )
        account = None if login is None else await self._account(tenant, login)
        concealed = (
            None if account is None else await self.sealers.of(tenant).open(account.password)
        )
        if not await self.passwords.matches(concealed, password) or account is None:
            raise InvalidCredentials
        session_id = SessionId(attempt_id)
        handled = await self.identity.sessions.handle(
            StartSession(
                session_id=session_id,
                account_id=account.details.account_id,
                now=now,
                expires_at=now + self.session_life,
            ),
            key=session_id,
            context=as_account(step(context, "start"), account),
        )
        for key in guards:
            await self.identity.sign_in_guards.handle(
                ForgiveSignIn(attempt_id=attempt_id),
                key=key,
                context=step(context, f"forgive {key}"),
            )
        return SignedIn(account=account, session_id=session_id, handled=handled)

    async def _account(self, tenant: TenantId, login: TypedLogin) -> Open | None:
        reservation, _ = await self.identity.identifiers.load(tenant=tenant, key=login.key)
        if reservation.account_id is None:
            return None
        account, _ = await self.identity.accounts.load(tenant=tenant, key=reservation.account_id)
        return account if isinstance(account, Open) else None

"""The tokens that people and services show."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from identity.application.ports import RefreshTokens, TokenSigner
from identity.domain.account.state import Open
from identity.domain.people import AccountStatus
from service_kit.ids import new_id
from service_kit.tokens import ISSUER, PUBLIC_AUDIENCE
from vocabulary.ids import SessionId, TenantId

__all__ = ["IssuedTokens", "TokenOffice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    access_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_token: str = field(repr=False)


class TokenOffice:
    """Issues tokens that live for `life`."""

    def __init__(
        self, signer: TokenSigner, refresh_tokens: RefreshTokens, *, life: timedelta
    ) -> None:
        self._signer, self._refresh_tokens, self.life = signer, refresh_tokens, life

    async def for_session(
        self,
        tenant: TenantId,
        account: Open,
        *,
        session_id: SessionId,
        generation: int,
        now: datetime,
    ) -> IssuedTokens:
        """Both tokens of a session at this point of its life."""
        details = account.details
        confirmed = details.status is AccountStatus.CONFIRMED
        expires_at = now + self.life
        claims: dict[str, Any] = {
            "aud": PUBLIC_AUDIENCE,
            "sub": str(details.account_id),
            "tenant": tenant,
            "roles": [str(role) for role in details.roles],
            "aal": "confirmed" if confirmed else "basic",
            "sid": str(session_id),
            "lang": account.language,
        }
        if details.patient_id is not None:
            claims["patient_id"] = str(details.patient_id)
        if details.clinician_id is not None:
            claims["clinician_id"] = str(details.clinician_id)
        return IssuedTokens(
            access_token=await self._sign(claims, now=now, expires_at=expires_at),
            access_expires_at=expires_at,
            refresh_token=self._refresh_tokens.make(tenant, session_id, generation),
        )

    async def for_service(
        self, service: str, *, audience: str, now: datetime
    ) -> tuple[str, datetime]:
        """A token that only the service `audience` accepts, and its end."""
        expires_at = now + self.life
        claims = {"aud": audience, "sub": f"service:{service}", "roles": ["service"]}
        return await self._sign(claims, now=now, expires_at=expires_at), expires_at

    async def _sign(self, claims: dict[str, Any], *, now: datetime, expires_at: datetime) -> str:
        return await self._signer.sign(
            {
                "iss": ISSUER,
                **claims,
                "iat": int(now.timestamp()),
                "exp": int(expires_at.timestamp()),
                "jti": str(new_id()),
            }
        )

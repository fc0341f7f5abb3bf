"""Access tokens: JWTs signed with ES256 by identity, verified here with its published keys."""

import asyncio
import base64
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol, cast
from uuid import UUID

import httpx
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from service_kit.clock import Clock
from service_kit.errors import Unavailable
from vocabulary.ids import AccountId, ClinicianId, PatientId, TenantId, tenant_id

__all__ = [
    "ACCOUNT_ROLES",
    "ISSUER",
    "PUBLIC_AUDIENCE",
    "Assurance",
    "InvalidToken",
    "KeySource",
    "NoSessionGuard",
    "PublishedKeys",
    "SessionGuard",
    "Token",
    "TokenVerifier",
]

PUBLIC_AUDIENCE: Final = "kabinet"
"""The audience of tokens for people; a token for a service names that service."""
Assurance = Literal["basic", "confirmed"]
ISSUER: Final = "kabinet-identity"
ACCOUNT_ROLES: Final = frozenset({"patient", "clinician", "manager", "administrator"})
_ALGORITHMS: Final = ["ES256"]
_LONGEST: Final = 8192
_IMPATIENT_SECONDS: Final = 0.2
"""Between two tries while no key is known at all: identity is just starting."""
_log = structlog.get_logger()


class InvalidToken(Exception):
    """Not a token of ours, expired, or for somebody else."""


class SessionGuard(Protocol):
    """Answers whether a session was ended before its tokens expired (IDN-27).

    The gateway, which every public call passes, uses one that is always current; behind it the short life of an
    access token is enough.
    """

    async def has_ended(self, session_id: UUID) -> bool:
        """Whether calls with tokens of this session must be refused; raises Unavailable when it cannot know."""
        ...


class NoSessionGuard:
    """For services behind the gateway: a session lives as long as its token."""

    async def has_ended(self, session_id: UUID) -> bool:
        """Never."""
        return False


class _Header(msgspec.Struct, frozen=True):
    kid: str


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str | list[str]
    sub: str
    exp: int
    iat: int
    tenant: str | None = None
    roles: list[str] = []
    patient_id: UUID | None = None
    clinician_id: UUID | None = None
    aal: Assurance = "basic"
    sid: UUID | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A verified token: who its bearer is."""

    text: str = field(repr=False)
    expires_at: datetime
    roles: frozenset[str]
    tenant: TenantId | None = None
    account_id: AccountId | None = None
    service: str | None = None
    """The calling service, when a service is calling."""
    patient_id: PatientId | None = None
    clinician_id: ClinicianId | None = None
    session_id: UUID | None = None
    assurance: Assurance = "basic"
    language: str | None = None


class KeySource(Protocol):
    """Where the public keys of the issuer come from."""

    async def key(self, key_id: str) -> ECKey:
        """The key of that id; raises InvalidToken when there is none, Unavailable when it cannot be known."""
        ...


class PublishedKeys:
    """The key set that identity publishes, asked for again when it is old or a key id is unknown.

    Asked at most every `min_age` seconds, so that forged tokens do not become requests. While identity does not
    answer, known keys go on being used: a retired key is only one that no token names any more.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[dict[str, Any]]],
        *,
        max_age: float = 300.0,
        min_age: float = 5.0,
    ) -> None:
        self._fetch, self._max_age, self._min_age = fetch, max_age, min_age
        self._keys: dict[str, ECKey] = {}
        self._fetched_at = self._tried_at = -math.inf
        self._lock = asyncio.Lock()

    @classmethod
    def of(cls, client: httpx.AsyncClient, identity_url: str) -> "PublishedKeys":
        """The keys at `{identity_url}/.well-known/jwks.json`."""

        async def fetch() -> dict[str, Any]:
            answer = await client.get(f"{identity_url.rstrip('/')}/.well-known/jwks.json")
            answer.raise_for_status()
            return cast(dict[str, Any], answer.json())

        return cls(fetch)

    async def key(self, key_id: str) -> ECKey:
        """The key of that id; raises InvalidToken when there is none, Unavailable when no keys are known."""
        if key_id not in self._keys or time.monotonic() - self._fetched_at > self._max_age:
            await self._refresh()
        try:
            return self._keys[key_id]
        except KeyError:
            raise (InvalidToken if self._keys else Unavailable)("identity's keys") from None

    async def _refresh(self) -> None:
        asked_at = time.monotonic()
        async with self._lock:
            pause = self._min_age if self._keys else _IMPATIENT_SECONDS
            if max(self._tried_at + pause, self._fetched_at) > asked_at:
                return
            self._tried_at = time.monotonic()
            try:
                published = KeySet.import_key_set(cast(Any, await self._fetch()))
            except (httpx.HTTPError, JoseError, ValueError) as failure:
                _log.warning("identity.keys_unavailable", error=type(failure).__name__)
                return
            self._keys = {
                key.kid: key
                for key in published.keys
                if isinstance(key, ECKey) and key.kid is not None
            }
            self._fetched_at = time.monotonic()


class TokenVerifier:
    """Verifies tokens for one service; verified ones are remembered, by hash, until they expire."""

    def __init__(
        self,
        *,
        service: str,
        keys: KeySource,
        clock: Clock,
        issuer: str = ISSUER,
        remember: int = 20_000,
    ) -> None:
        self._service, self._keys, self._clock, self._issuer = service, keys, clock, issuer
        self._verified: OrderedDict[bytes, Token] = OrderedDict()
        self._limit = remember

    async def verify(self, text: str) -> Token:
        """Who bears `text`; raises InvalidToken, or Unavailable while the keys cannot be had."""
        digest = hashlib.sha256(text.encode()).digest()
        token = self._verified.get(digest)
        if token is None:
            token = await self._verify(text)
            self._verified[digest] = token
            if len(self._verified) > self._limit:
                self._verified.popitem(last=False)
        if token.expires_at <= self._clock.now():
            self._verified.pop(digest, None)
            raise InvalidToken("expired")
        return token

    async def _verify(self, text: str) -> Token:
        if len(text) > _LONGEST:
            raise InvalidToken("too long")
        key = await self._keys.key(_key_id(text))
        try:
            claims = msgspec.convert(jwt.decode(text, key, _ALGORITHMS).claims, _Claims)
        except (JoseError, ValueError, RecursionError) as wrong:
            raise InvalidToken("not signed by identity, or not with our claims") from wrong
        return self._token(text, claims)

    def _token(self, text: str, claims: _Claims) -> Token:
        if claims.iss != self._issuer:
            raise InvalidToken("another issuer")
        try:
            tenant = None if claims.tenant is None else tenant_id(claims.tenant)
            expires_at = datetime.fromtimestamp(claims.exp, UTC)
            kind, _, name = claims.sub.partition(":")
            if kind == "service" and name:
                if claims.aud != self._service:
                    raise InvalidToken("for another service")
                return Token(
                    text=text,
                    expires_at=expires_at,
                    roles=frozenset({"service"}),
                    tenant=tenant,
                    service=name,
                )
            if claims.aud != PUBLIC_AUDIENCE:
                raise InvalidToken("for another audience")
            if tenant is None or claims.sid is None:
                raise InvalidToken("without tenant or session")
            return Token(
                text=text,
                expires_at=expires_at,
                roles=frozenset(claims.roles) & ACCOUNT_ROLES,
                tenant=tenant,
                account_id=AccountId(UUID(claims.sub)),
                patient_id=None if claims.patient_id is None else PatientId(claims.patient_id),
                clinician_id=None
                if claims.clinician_id is None
                else ClinicianId(claims.clinician_id),
                session_id=claims.sid,
                assurance=claims.aal,
                language=claims.lang,
            )
        except ValueError as wrong:
            raise InvalidToken("claims that are none") from wrong


def _key_id(text: str) -> str:
    head = text.partition(".")[0]
    try:
        return msgspec.json.decode(
            base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=_Header
        ).kid
    except (ValueError, msgspec.MsgspecError, RecursionError) as wrong:
        raise InvalidToken("not a JWT") from wrong

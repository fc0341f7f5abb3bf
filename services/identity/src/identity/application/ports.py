"""What identity needs from outside its rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from vocabulary.email import Email
from vocabulary.ids import SessionId, TenantId
from vocabulary.phone import Phone

__all__ = [
    "KeyWrapping",
    "KeyedHashes",
    "LoginHashes",
    "Passwords",
    "PresentedRefresh",
    "RefreshTokens",
    "Secrets",
    "SigningKeys",
    "TokenSigner",
]


class Passwords(Protocol):
    """One-way texts of passwords, made slowly on purpose."""

    async def conceal(self, password: str) -> str:
        """The text to keep. Raises Unavailable when too many are waiting."""
        ...

    async def matches(self, concealed: str | None, password: str) -> bool:
        """Whether the password made this text; as slow for None, which nothing matches."""
        ...


class TokenSigner(Protocol):
    """Signs access tokens with the key of the moment."""

    async def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT."""
        ...


class SigningKeys(TokenSigner, Protocol):
    """The keys that sign access tokens."""

    async def published(self) -> Mapping[str, Any]:
        """A JSON Web Key Set (RFC 7517) of the public keys that verify tokens that are alive."""
        ...


class KeyWrapping(Protocol):
    """Keys that lie wrapped by master keys, each by the one that was current when it was made."""

    async def rewrap(self) -> int:
        """Wrap some of those under older master keys with the current one; how many, 0 when none is left."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedRefresh:
    """A refresh token that was made here for this tenant."""

    session_id: SessionId
    generation: int


class RefreshTokens(Protocol):
    """Refresh tokens: made again from what they name, so that none has to be kept."""

    def make(self, tenant: TenantId, session_id: SessionId, generation: int) -> str:
        """The token of a generation of a session."""
        ...

    def read(self, tenant: TenantId, token: str) -> PresentedRefresh | None:
        """What a token names; None for one that was not made here."""
        ...


class LoginHashes(Protocol):
    """Keyed hashes by which a login is found."""

    def email(self, tenant: TenantId, email: Email) -> str:
        """The hash of an address."""
        ...

    def phone(self, tenant: TenantId, phone: Phone) -> str:
        """The hash of a number."""
        ...


class KeyedHashes(Protocol):
    """Keyed hashes of short secrets and of addresses of the network."""

    def code(self, attempt_id: UUID, code: str) -> str:
        """Of the confirmation code of a registration."""
        ...

    def address(self, tenant: TenantId, address: str) -> str:
        """Of the address that a request came from."""
        ...

    def first_password(self, account_id: UUID) -> str:
        """A password for a new account of staff: the same whenever it is asked for, and told to nobody else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Everything that is made from the service's own secrets."""

    logins: LoginHashes
    hashes: KeyedHashes
    new_code: Callable[[], str]
    """A fresh confirmation code: six random digits."""
    refresh_tokens: RefreshTokens = field(repr=False)

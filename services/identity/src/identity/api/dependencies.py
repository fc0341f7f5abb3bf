"""What routes are given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from pydantic import SecretStr

from identity.application import Identity
from identity.application.ports import KeyWrapping, Passwords, Secrets, SigningKeys
from identity.application.registration import Registrar
from identity.application.sign_in import SignIn
from identity.application.tokens import TokenOffice
from identity.domain.policies import IdentityPolicies
from policies import PolicyBook
from privacy.keyring import Keyring
from privacy.sealing import Sealers
from read_models import Queries
from service_kit.requests import Network, source_of

__all__ = [
    "AddressDep",
    "Desk",
    "DeskDep",
    "IdentityDep",
    "PoliciesDep",
    "QueriesDep",
    "idempotent_key",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that routes need beside the aggregates."""

    keyring: Keyring
    sealers: Sealers
    secrets: Secrets
    passwords: Passwords
    tokens: TokenOffice
    signing_keys: SigningKeys
    wrapped_keys: Sequence[KeyWrapping]
    sign_in: SignIn
    registrar: Registrar
    service_secrets: dict[str, SecretStr] = field(repr=False)
    trusted_proxies: tuple[Network, ...]
    account_wait_seconds: float


async def identity_of(request: Request) -> Identity:
    return cast(Identity, request.app.state.identity)


async def desk_of(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


async def policies_of(request: Request) -> PolicyBook[IdentityPolicies]:
    return cast(PolicyBook[IdentityPolicies], request.app.state.policies)


async def queries_of(request: Request) -> Queries:
    return cast(Queries, request.app.state.queries)


async def address_of(request: Request) -> str:
    """Where a request came from, behind our own proxies."""
    return source_of(request, (await desk_of(request)).trusted_proxies)


def idempotent_key(request: Request, *parts: object) -> str | None:
    """The caller's `Idempotency-Key` bound to what it is about.

    Callers without an account share one name, so their keys alone must not make the ids of commands.
    """
    key = request.headers.get("idempotency-key")
    return None if key is None else ":".join([key, *(str(part) for part in parts)])


IdentityDep = Annotated[Identity, Depends(identity_of)]
DeskDep = Annotated[Desk, Depends(desk_of)]
PoliciesDep = Annotated[PolicyBook[IdentityPolicies], Depends(policies_of)]
QueriesDep = Annotated[Queries, Depends(queries_of)]
AddressDep = Annotated[str, Depends(address_of)]

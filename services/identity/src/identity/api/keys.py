"""What other services ask identity for: keys and tokens."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, field_validator

from identity.api.access import ACCESS
from identity.api.dependencies import DeskDep
from privacy.http import KeyAnswer
from service_kit.access import Caller
from service_kit.problems import Problem
from vocabulary.ids import TenantId, tenant_id

__all__ = ["router"]

router = APIRouter(tags=["internal"])


class ServiceTokenBody(BaseModel):
    service: str = Field(max_length=60)
    secret: str = Field(max_length=200, repr=False)
    audience: str = Field(max_length=60)


class ServiceToken(BaseModel):
    token: str = Field(repr=False)
    expires_at: datetime


class DataKeyBody(BaseModel):
    tenant: TenantId

    @field_validator("tenant")
    @classmethod
    def _is_a_slug(cls, tenant: str) -> TenantId:
        return tenant_id(tenant)


class DataKey(BaseModel):
    key: str = Field(repr=False)


class Rewrapping(BaseModel):
    rewrapped: int = Field(description="How many; 0 when none is left under an older master key")


@router.get("/.well-known/jwks.json")
async def show_keys(
    desk: DeskDep, _caller: Annotated[Caller, Depends(ACCESS.allow("show_keys"))]
) -> Mapping[str, Any]:
    """The public keys that verify access tokens, as a JSON Web Key Set (RFC 7517)."""
    return await desk.signing_keys.published()


@router.post("/internal/service-tokens")
async def issue_service_token(
    body: ServiceTokenBody,
    desk: DeskDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("issue_service_token"))],
) -> ServiceToken:
    """A token with which one service calls another; only the `audience` accepts it."""
    secrets = desk.service_secrets
    kept = secrets.get(_hyphens(body.service))
    known = "" if kept is None else kept.get_secret_value()
    genuine = hmac.compare_digest(known.encode(), body.secret.encode())
    if not genuine or kept is None or _hyphens(body.audience) not in secrets:
        raise Problem(401, "SERVICE_UNKNOWN")
    token, expires_at = await desk.tokens.for_service(
        body.service, audience=body.audience, now=caller.now
    )
    return ServiceToken(token=token, expires_at=expires_at)


@router.post("/internal/keys/{subject}")
async def give_data_key(
    subject: UUID,
    body: DataKeyBody,
    desk: DeskDep,
    _caller: Annotated[Caller, Depends(ACCESS.allow("give_data_key"))],
) -> DataKey:
    """The data key of one person, made on first use; 410 for ever once it is destroyed."""
    data_key = await desk.keyring.data_key(body.tenant, subject)
    return DataKey(key=KeyAnswer.of(data_key).key)


@router.post("/internal/rewrapping")
async def rewrap_keys(
    desk: DeskDep, _caller: Annotated[Caller, Depends(ACCESS.allow("rewrap_keys"))]
) -> Rewrapping:
    """Wrap some of the keys that lie under older master keys with the current one; to be asked until none is left."""
    return Rewrapping(rewrapped=sum([await keys.rewrap() for keys in desk.wrapped_keys]))


def _hyphens(service: str) -> str:
    return service.replace("_", "-")

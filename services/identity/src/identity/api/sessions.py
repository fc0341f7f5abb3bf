"""Signing in, staying signed in, signing out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from identity.api.access import ACCESS
from identity.api.dependencies import (
    AddressDep,
    Desk,
    DeskDep,
    IdentityDep,
    PoliciesDep,
    QueriesDep,
    idempotent_key,
)
from identity.api.problems import PROBLEMS, later
from identity.application import Identity
from identity.application.contexts import person_of
from identity.application.logins import TypedLogin, typed_login
from identity.application.sign_in import InvalidCredentials
from identity.domain.account.state import Open
from identity.domain.people import AccountStatus, Role
from identity.domain.session.commands import EndSession, RefreshSession
from identity.domain.session.errors import RefreshRefused
from identity.domain.session.events import SessionEnd
from identity.domain.session.state import Active
from identity.domain.sign_in_guard.errors import TooManyAttempts
from identity.read_models import ended_sessions
from service_kit.access import Caller
from service_kit.ids import new_id
from vocabulary.errors import InvalidValue
from vocabulary.ids import AccountId, ClinicianId, PatientId, SessionId, TenantId

__all__ = ["router"]

router = APIRouter(tags=["sessions"])


class Credentials(BaseModel):
    login: str = Field(
        max_length=254, description="E-mail address or mobile phone", examples=["anna@example.com"]
    )
    password: str = Field(max_length=1000, repr=False, examples=["a long pass phrase"])


class RefreshBody(BaseModel):
    refresh_token: str = Field(max_length=500, repr=False)


class SignedInAccount(BaseModel):
    account_id: AccountId
    roles: tuple[Role, ...]
    status: AccountStatus
    language: str
    patient_id: PatientId | None
    clinician_id: ClinicianId | None


class SessionTokens(BaseModel):
    """Tokens of one session. A refresh token is good once; each answer brings the next."""

    session_id: SessionId
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme (RFC 6750)
    access_token: str = Field(repr=False)
    expires_at: datetime = Field(description="The end of the access token")
    refresh_token: str = Field(repr=False)
    account: SignedInAccount


class EndedSession(BaseModel):
    session_id: SessionId
    until: datetime = Field(description="When the last access token of the session has expired")


class EndedSessions(BaseModel):
    items: list[EndedSession]
    cursor: str = Field(description="`after` of the next question")


@router.post(
    "/api/v1/sessions",
    status_code=201,
    responses=PROBLEMS.of(InvalidCredentials, TooManyAttempts),
)
async def sign_in(
    body: Credentials,
    desk: DeskDep,
    policies: PoliciesDep,
    address: AddressDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("sign_in"))],
) -> SessionTokens:
    """Sign in. A wrong login and a wrong password get the same answer; too many of them have to wait."""
    rules, version = await policies.at(caller.tenant, caller.now)
    try:
        signed_in = await desk.sign_in(
            _login(desk, caller.tenant, body.login),
            body.password,
            address=desk.secrets.hashes.address(caller.tenant, address),
            rules=rules,
            now=caller.now,
            # Never the caller's own key: a repeat is another guess.
            context=caller.context(key=str(new_id()), policy=version),
        )
    except TooManyAttempts as too_many:
        raise later(too_many, too_many.retry_after_seconds) from None
    caller.confirm(signed_in.handled)
    return await _tokens(desk, caller, signed_in.account, signed_in.session_id, generation=0)


@router.post("/api/v1/sessions/refresh", responses=PROBLEMS.of(RefreshRefused))
async def refresh_session(
    body: RefreshBody,
    request: Request,
    identity: IdentityDep,
    desk: DeskDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("refresh_session"))],
) -> SessionTokens:
    """Exchange a refresh token for new tokens.

    A token that was exchanged before ends the session, for then two people have it. The same `Idempotency-Key` with
    the same token again gets the same tokens.
    """
    shown = desk.secrets.refresh_tokens.read(caller.tenant, body.refresh_token)
    if shown is None:
        raise RefreshRefused
    account = await _owner(identity, caller.tenant, shown.session_id)
    context = caller.context(
        subject=None if account is None else str(person_of(account)),
        key=idempotent_key(request, shown.session_id, shown.generation) or str(new_id()),
    )
    handled = await identity.sessions.handle(
        RefreshSession(
            generation=shown.generation,
            request_id=context.command_id,
            now=caller.now,
            tokens_until=caller.now + desk.tokens.life,
        ),
        key=shown.session_id,
        context=context,
    )
    caller.confirm(handled)
    session = handled.state
    if not isinstance(session, Active) or account is None:
        raise RefreshRefused
    return await _tokens(desk, caller, account, shown.session_id, generation=session.generation)


@router.delete("/api/v1/sessions/current", status_code=204)
async def sign_out(
    identity: IdentityDep,
    desk: DeskDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("sign_out"))],
) -> None:
    """End this session. Its access token is refused from now on, and its refresh token too."""
    handled = await identity.sessions.handle(
        EndSession(
            reason=SessionEnd.SIGNED_OUT,
            now=caller.now,
            tokens_until=caller.now + desk.tokens.life,
        ),
        key=caller.session_id,
        context=caller.context(subject=str(caller.patient_id or caller.account_id)),
    )
    caller.confirm(handled)


@router.get("/internal/sessions/ended", tags=["internal"])
async def list_ended_sessions(
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_ended_sessions"))],
    after: Annotated[str, Query(max_length=100, description="`cursor` of the answer before")] = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> EndedSessions:
    """Sessions of all tenants that ended behind `after` and whose access tokens may still be alive, in order."""
    rows = await ended_sessions.alive(queries, after=after, now=caller.now, limit=limit)
    return EndedSessions(
        items=[EndedSession(session_id=row.session_id, until=row.tokens_until) for row in rows],
        cursor=rows[-1].position if rows else after,
    )


def _login(desk: Desk, tenant: TenantId, text: str) -> TypedLogin | None:
    try:
        return typed_login(desk.secrets.logins, tenant, text)
    except InvalidValue:
        return None


async def _owner(identity: Identity, tenant: TenantId, session_id: SessionId) -> Open | None:
    """Whose session it is, while it lasts."""
    session, _ = await identity.sessions.load(tenant=tenant, key=session_id)
    if not isinstance(session, Active):
        return None
    account, _ = await identity.accounts.load(tenant=tenant, key=session.account_id)
    return account if isinstance(account, Open) else None


async def _tokens(
    desk: Desk, caller: Caller, account: Open, session_id: SessionId, *, generation: int
) -> SessionTokens:
    tokens = await desk.tokens.for_session(
        caller.tenant, account, session_id=session_id, generation=generation, now=caller.now
    )
    details = account.details
    return SessionTokens(
        session_id=session_id,
        access_token=tokens.access_token,
        expires_at=tokens.access_expires_at,
        refresh_token=tokens.refresh_token,
        account=SignedInAccount(
            account_id=details.account_id,
            roles=details.roles,
            status=details.status,
            language=account.language,
            patient_id=details.patient_id,
            clinician_id=details.clinician_id,
        ),
    )

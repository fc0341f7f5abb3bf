"""Who may do what: one declared table per service, used by its routes and walked by its tests (GW-24)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.responses import Response

from event_store import CommandContext, Cursor, Handled, Metadata
from service_kit.errors import ConfigurationError
from service_kit.ids import command_id, new_id
from service_kit.problems import Denied, Problem
from service_kit.reads import await_view, set_position
from service_kit.requests import facts_of, kit_of, language_of
from service_kit.texts import Language
from service_kit.tokens import ACCOUNT_ROLES, Assurance, InvalidToken, Token
from service_kit.tracing import current_traceparent
from vocabulary.errors import InvalidValue
from vocabulary.ids import AccountId, ClinicianId, PatientId, TenantId, tenant_id

__all__ = [
    "CAPTCHA_HEADER",
    "DEFAULT_BODY_BYTES",
    "ROLES",
    "TENANT_HEADER",
    "Access",
    "AccessTable",
    "Caller",
    "Doorstep",
    "FramePermission",
    "Ownership",
    "Permission",
]

ROLES: Final = ACCOUNT_ROLES | {"service", "anonymous"}
TENANT_HEADER: Final = "X-Kabinet-Tenant"
CAPTCHA_HEADER: Final = "X-Kabinet-Captcha"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_BODY_BYTES: Final = 1 << 20


class Ownership(StrEnum):
    """How far a role reaches with an action. Of several roles of one caller the widest counts."""

    TENANT = "tenant"
    """Anything of the tenant."""
    OWN = "own"
    """Only what belongs to the caller; the route asks `Caller.require`."""
    SELF = "self"
    """The route is about the caller and can name nobody else."""


_NOBODY: Final = Token(
    text="", expires_at=datetime.max.replace(tzinfo=UTC), roles=frozenset({"anonymous"})
)
_NO_TENANT: Final = TenantId("")
_WIDEST_FIRST: Final = (Ownership.TENANT, Ownership.OWN, Ownership.SELF)


@dataclass(frozen=True, slots=True)
class Access:
    """One row: an action, the roles that may do it and how far, and what else it takes."""

    action: str
    roles: Mapping[str, Ownership]
    assurance: Assurance = "basic"
    """What the sign-in of the caller must have proved."""
    idempotency_key: bool = True
    """Whether an unsafe method needs an `Idempotency-Key`."""
    max_body_bytes: int = DEFAULT_BODY_BYTES
    token_in_frame: bool = False
    """A WebSocket whose caller shows the token in a frame (browsers can set no header): `allow_in_frame`."""
    tenant: bool = True
    """Whether a caller whose token names no tenant must name one; a route without finds it out with `within`."""
    callers: frozenset[str] = frozenset()
    """Which services the role "service" means, by the names in their tokens; empty: all of the suite."""
    captcha: bool = False
    """Whether the gateway asks strangers for a solved captcha first (GW-25); the service itself does not."""

    def __post_init__(self) -> None:
        unknown = self.roles.keys() - ROLES
        if unknown or not self.roles:
            raise ConfigurationError(f"{self.action}: no role, or unknown roles {sorted(unknown)}")
        if self.callers and "service" not in self.roles:
            raise ConfigurationError(f"{self.action}: callers are named, but not the role service")
        if self.captcha and not ("anonymous" in self.roles and self.idempotency_key):
            # Without a key a repeat after a lost answer could not be told from a second use of the solution.
            raise ConfigurationError(f"{self.action}: a captcha is for strangers who show a key")

    def held(self, bearer: Token) -> list[str]:
        """The roles of this row that the bearer has."""
        named = not self.callers or bearer.service is None or bearer.service in self.callers
        return [role for role in self.roles if role in bearer.roles] if named else []

    def described(self) -> str:
        """Roles, reach, callers and captcha, for people."""
        more = {
            "service": f", only {' '.join(sorted(self.callers))}" if self.callers else "",
            "anonymous": ", with a captcha" if self.captcha else "",
        }
        return ", ".join(
            f"{role} ({reach}{more.get(role, '')})" for role, reach in self.roles.items()
        )


class AccessTable:
    """The rows of one service, and the dependencies made from them."""

    def __init__(self, *rows: Access) -> None:
        self._permissions = {row.action: Permission(row) for row in rows}
        if len(self._permissions) != len(rows):
            raise ConfigurationError("an action has two rows in the table of access")

    def __iter__(self) -> Iterator[Access]:
        return (permission.access for permission in self._permissions.values())

    def allow(self, action: str) -> "Permission":
        """For `Depends`: lets in who may do `action` and answers the `Caller`."""
        try:
            return self._permissions[action]
        except KeyError:
            raise ConfigurationError(f"{action} has no row in the table of access") from None

    def allow_in_frame(self, action: str) -> "FramePermission":
        """For `Depends` of a WebSocket: answers a `Doorstep`, which lets in whoever shows a token there."""
        permission = self.allow(action)
        if not permission.access.token_in_frame:
            raise ConfigurationError(f"{action} is not declared with token_in_frame")
        return FramePermission(permission)

    def covers(self, access: Access) -> bool:
        """Whether this very row is in the table."""
        permission = self._permissions.get(access.action)
        return permission is not None and permission.access == access

    def markdown(self) -> str:
        """The table as documentation."""
        lines = ["| action | who | assurance |", "|---|---|---|"]
        lines += [f"| `{row.action}` | {row.described()} | {row.assurance} |" for row in self]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking, allowed in for one action."""

    tenant: TenantId
    """Empty only where the row of the table says that the route needs none."""
    role: str
    """The role that lets the caller in: the one that reaches furthest."""
    roles: frozenset[str]
    ownership: Ownership
    now: datetime
    """The instant of the request; every rule of it sees the same."""
    language: Language
    account_id: AccountId | None = None
    patient_id: PatientId | None = None
    clinician_id: ClinicianId | None = None
    session_id: UUID | None = None
    assurance: Assurance = "basic"
    service: str | None = None
    """The name of a calling service."""
    token: str | None = field(default=None, repr=False)
    token_expires_at: datetime = _NOBODY.expires_at
    """When a connection that lives on must end or show a new token."""
    _connection: HTTPConnection = field(repr=False, compare=False)
    _response: Response = field(repr=False, compare=False)

    @property
    def actor(self) -> str:
        """Who acts, as events name it."""
        if self.account_id is not None:
            return f"account:{self.account_id}"
        return "anonymous" if self.service is None else f"service:{self.service}"

    def owns(
        self,
        *,
        patient_id: UUID | None = None,
        clinician_id: UUID | None = None,
        account_id: UUID | None = None,
    ) -> bool:
        """Whether the caller reaches a thing that belongs to any of these."""
        return self.ownership is Ownership.TENANT or any(
            owner is not None and owner == own
            for owner, own in (
                (patient_id, self.patient_id),
                (clinician_id, self.clinician_id),
                (account_id, self.account_id),
            )
        )

    def require(
        self,
        *,
        patient_id: UUID | None = None,
        clinician_id: UUID | None = None,
        account_id: UUID | None = None,
    ) -> None:
        """Refuse with 403 NOT_YOURS unless `owns`."""
        if not self.owns(patient_id=patient_id, clinician_id=clinician_id, account_id=account_id):
            raise Denied("NOT_YOURS")

    def context(
        self, *, subject: str | None = None, policy: int | None = None, key: str | None = None
    ) -> CommandContext:
        """How a command of this request goes to its handler.

        Its id follows from the `Idempotency-Key` (or `key`), so a repeat changes nothing; `If-Match` pins the
        version. Neither header means anything where nothing is changed: a reading is an event of its own, however
        its reader names it (GW-24).
        """
        facts = facts_of(self._connection)
        unsafe = self._connection.scope.get("method", "GET") not in SAFE_METHODS
        idempotency_key = key or (facts.header("idempotency-key") if unsafe else None)
        return CommandContext(
            command_id=new_id()
            if idempotency_key is None
            else command_id(self.tenant, self.actor, idempotency_key),
            metadata=Metadata(
                tenant=self.tenant,
                actor=self.actor,
                role=self.role,
                time=self.now,
                correlation=facts.correlation,
                subject=subject,
                traceparent=current_traceparent(),
                policy=policy,
            ),
            expected_revision=_pinned(facts.header("if-match")) if unsafe else None,
        )

    def confirm(self, handled: Handled[Any, Any]) -> None:
        """Tell in the answer where the command's events stand, for reads and for `If-Match`."""
        self.confirm_position(handled.cursor)
        self._response.headers["ETag"] = f'"{handled.revision}"'

    def confirm_position(self, cursor: Cursor | str) -> None:
        """Tell in the answer up to where a view must have come to show what was done."""
        set_position(self._response, kit_of(self._connection).service, str(cursor))

    def within(self, tenant: TenantId) -> "Caller":
        """The same caller in a tenant that the route found out (a provider's callback)."""
        return replace(self, tenant=tenant)

    def later(self) -> "Caller":
        """The same caller at a later moment of a connection that lives on (WebSocket)."""
        return replace(self, now=kit_of(self._connection).clock.now())


class Permission:
    """The dependency of a route that one row of the table guards."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def __call__(self, connection: HTTPConnection, response: Response) -> Caller:
        """Let in or refuse: 401 without a valid token, 403 without the right, 400 without a needed header."""
        scheme, _, text = (facts_of(connection).header("authorization") or "").partition(" ")
        if text and scheme.lower() != "bearer" and not self._anonymous_only:
            raise _unauthorized("TOKEN_INVALID")
        return await self.admit(connection, response, text)

    async def admit(self, connection: HTTPConnection, response: Response, text: str) -> Caller:
        """Let in whoever shows this token ("" for none), or refuse."""
        bearer = await self._bearer(connection, text)
        facts_of(connection).account_language = bearer.language
        role, ownership = self._reach(bearer)
        if self.access.assurance == "confirmed" and bearer.service is None:
            _require_confirmed(bearer)
        caller = Caller(
            tenant=self._tenant(connection, bearer),
            role=role,
            roles=bearer.roles,
            ownership=ownership,
            now=kit_of(connection).clock.now(),
            language=language_of(connection),
            account_id=bearer.account_id,
            patient_id=bearer.patient_id,
            clinician_id=bearer.clinician_id,
            session_id=bearer.session_id,
            assurance=bearer.assurance,
            service=bearer.service,
            token=bearer.text or None,
            token_expires_at=bearer.expires_at,
            _connection=connection,
            _response=response,
        )
        if connection.scope.get("method") in SAFE_METHODS:
            await await_view(connection)
        else:
            self._require_key(connection, caller)
        return caller

    @property
    def _anonymous_only(self) -> bool:
        return self.access.roles.keys() == {"anonymous"}

    async def _bearer(self, connection: HTTPConnection, text: str) -> Token:
        if not text or self._anonymous_only:
            return _NOBODY
        kit = kit_of(connection)
        try:
            token = await kit.tokens.verify(text)
        except InvalidToken:
            raise _unauthorized("TOKEN_INVALID") from None
        if token.session_id is not None and await kit.guard.has_ended(token.session_id):
            raise _unauthorized("SESSION_ENDED")
        return token

    def _reach(self, bearer: Token) -> tuple[str, Ownership]:
        granted = self.access.roles
        held = self.access.held(bearer) or [role for role in granted if role == "anonymous"]
        if held:
            role = min(held, key=lambda name: _WIDEST_FIRST.index(granted[name]))
            return role, granted[role]
        raise (
            _unauthorized("TOKEN_REQUIRED")
            if "anonymous" in bearer.roles
            else Denied("ACTION_NOT_ALLOWED")
        )

    def _tenant(self, connection: HTTPConnection, token: Token) -> TenantId:
        named = facts_of(connection).header(TENANT_HEADER)
        if token.tenant is not None:
            if named is not None and named != token.tenant:
                raise Denied("TENANT_MISMATCH")
            return token.tenant
        if named is None:
            if self.access.tenant:
                raise Problem(400, "TENANT_REQUIRED")
            return _NO_TENANT
        try:
            return tenant_id(named)
        except InvalidValue:
            raise Problem(400, "TENANT_INVALID") from None

    def _require_key(self, connection: HTTPConnection, caller: Caller) -> None:
        key = facts_of(connection).header("idempotency-key")
        if key is None:
            if (
                self.access.idempotency_key
                and caller.service is None
                and connection.scope["type"] == "http"
            ):
                raise Problem(400, "IDEMPOTENCY_KEY_REQUIRED")
        elif not 1 <= len(key) <= 200:
            raise Problem(400, "IDEMPOTENCY_KEY_INVALID")


@dataclass(frozen=True, slots=True)
class Doorstep:
    """A WebSocket that is open while nobody is let in yet: the caller shows a token in a frame."""

    _permission: Permission
    _connection: HTTPConnection
    _response: Response

    async def admit(self, token: str) -> Caller:
        """Let in whoever shows `token`, by the row of the table; raises what the HTTP door raises."""
        return await self._permission.admit(self._connection, self._response, token)


class FramePermission:
    """The dependency of a WebSocket route whose row says `token_in_frame`."""

    def __init__(self, permission: Permission) -> None:
        self.access = permission.access
        self._permission = permission

    async def __call__(self, connection: HTTPConnection, response: Response) -> Doorstep:
        """Nobody is let in by this alone."""
        return Doorstep(self._permission, connection, response)


def _require_confirmed(token: Token) -> None:
    if token.assurance != "confirmed":
        raise Denied("ASSURANCE_REQUIRED")


def _pinned(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    quoted = if_match.removeprefix("W/")
    if (
        len(quoted) > 2
        and quoted[0] == quoted[-1] == '"'
        and quoted[1:-1].isascii()
        and quoted[1:-1].isdecimal()
    ):
        return int(quoted[1:-1])
    raise Problem(400, "VERSION_INVALID")


def _unauthorized(code: str) -> Problem:
    return Problem(401, code, headers={"WWW-Authenticate": "Bearer"})

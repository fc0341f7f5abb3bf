"""A whole identity service in one process: memory store and bus, real views, a clock that stands still."""

import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from contracts.fact import PublicEvent
from contracts.topics import IDENTITY_EVENTS
from event_store import EventStore
from event_store.memory import MemoryEventStore
from identity.adapters.live_sessions import LiveSessionVerifier
from identity.bootstrap import SERVICE, build_api, build_desk, build_identity
from identity.domain.policies import IdentityPolicies
from identity.domain.registration_attempt.events import ConfirmationCodeIssued
from identity.settings import IdentitySettings
from messaging import Cause, bus_consumer
from messaging.testing import running
from policies import PolicyBook
from privacy.memory import MemoryKeyring
from service_kit.access import TENANT_HEADER
from service_kit.database import open_pool
from service_kit.stage import Stage
from service_kit.testing import FixedClock, api_client, make_kit
from service_kit.tokens import InvalidToken
from vocabulary.ids import TenantId

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ANNA: Mapping[str, Any] = {
    "last_name": "Иванова",
    "first_name": "Анна",
    "patronymic": "Сергеевна",
    "birth_date": "1990-05-17",
    "sex": "FEMALE",
    "email": "Anna@Example.com",
    "phone": "8 916 123-45-67",
    "consents": {"personal_data": True, "letters": True, "document": "2026-01"},
}
PASSWORD = "correct horse battery"

SETTINGS = IdentitySettings(
    port=0,
    database_url=SecretStr("unused"),
    bus_url=SecretStr("unused"),
    identity_url="http://service",
    service_secret=SecretStr("s-identity"),
    master_key=SecretStr("unused"),
    service_secrets={
        "ops": SecretStr("s-ops"),
        "identity": SecretStr("s-identity"),
        "consultation_room": SecretStr("s-room"),
        "gateway": SecretStr("s-gateway"),
    },
    argon2_memory_kib=8,
    argon2_passes=1,
    account_wait_seconds=10.0,
)


class MemorySigningKeys:
    """One key that is never changed."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})

    async def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": "k1"}, dict(claims), self._key, ["ES256"])

    async def published(self) -> Mapping[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    async def key(self, key_id: str) -> ECKey:
        if key_id != "k1":
            raise InvalidToken("unknown key")
        return self._key


class World:
    """One running identity service, and those who use it."""

    anna, password = ANNA, PASSWORD
    moment = timedelta(microseconds=1)

    def __init__(self, pool: asyncpg.Pool, store: EventStore | None = None) -> None:
        self.walk_kit = make_kit("identity", clock=FixedClock(NOW))
        assert isinstance(self.walk_kit.clock, FixedClock)
        self.clock = self.walk_kit.clock
        self.pool, self.store = pool, store or MemoryEventStore()
        self.identity = build_identity(self.store)
        self.policies = PolicyBook(
            self.store, IdentityPolicies, service="identity", fresh_seconds=0
        )
        self.keyring, self.keys = MemoryKeyring(), MemorySigningKeys()
        self.desk = build_desk(
            SETTINGS,
            self.identity,
            keyring=self.keyring,
            signing_keys=self.keys,
            root_secret=b"r" * 32,
        )
        verifier = LiveSessionVerifier(
            self.identity.sessions, service="identity", keys=self.keys, clock=self.clock
        )
        self.kit = dataclasses.replace(self.walk_kit, tokens=verifier)
        self.stage = Stage(SERVICE, self.identity, pool, self.clock, store=self.store)
        self.runner, self.inbox = self.stage.runner, self.stage.inbox
        self.told: list[tuple[str, PublicEvent]] = []
        self.listener = bus_consumer(
            service="tests",
            topic=IDENTITY_EVENTS,
            handlers=dict.fromkeys(IDENTITY_EVENTS.facts, self._hear),
            app=self,
            bus=self.stage.bus,
            inbox=self.inbox,
            clock=self.clock,
        )
        self.app = self.build(self.kit)
        self.client: httpx.AsyncClient
        self._keys = count(1)

    def build(self, kit: Any) -> Any:
        """The API behind a door."""
        return build_api(
            kit,
            self.identity,
            self.policies,
            self.desk,
            views=self.stage.views,
            queries=self.stage.queries,
        )

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator["World"]:
        """Another process over the same store, with nothing in memory."""
        other = World(self.pool, self.store)
        async with api_client(other.app) as other.client:
            yield other

    def _hear(self, event: PublicEvent, cause: Cause) -> list[Any]:
        self.told.append((cause.tenant, event))
        return []

    async def settle(self) -> None:
        """Let everything happen that follows, timers too, until nothing does."""
        await self.stage.settle(self.listener)

    async def heard(self, kind: type[PublicEvent], tenant: str = "north") -> list[Any]:
        """What was published of one kind."""
        await self.settle()
        return [fact for whose, fact in self.told if whose == tenant and type(fact) is kind]

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        tenant: str | None = "north",
        token: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A request while the worker works."""
        sent = {"Idempotency-Key": key or f"key-{next(self._keys)}", **(headers or {})}
        if tenant is not None:
            sent[TENANT_HEADER] = tenant
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        async with running(*self.stage.flows.values()):
            return await self.client.request(method, path, json=body, headers=sent)

    async def service_token(self, service: str = "ops") -> str:
        """What a service shows; `kabinet` is ops."""
        body = {"service": service, "secret": f"s-{service}", "audience": "identity"}
        answer = await self.send("POST", "/internal/service-tokens", body, tenant=None)
        return str(answer.json()["token"])

    async def start(self, tenant: str = "north", **changes: Any) -> str:
        """The id of a new registration."""
        answer = await self.send(
            "POST", "/api/v1/registrations", {**ANNA, **changes}, tenant=tenant
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["registration_id"])

    async def code(self, registration_id: str, tenant: str = "north") -> str:
        """What the newest letter says."""
        codes = [
            event.code.code
            async for page in self.store.read_all()
            for recorded in page.events
            if isinstance(event := SERVICE.codec.decode(recorded), ConfirmationCodeIssued)
            and str(event.details.attempt_id) == registration_id
            and recorded.meta().tenant == tenant
        ]
        return await self.desk.sealers.of(TenantId(tenant)).open(codes[-1])

    async def confirm(
        self,
        registration_id: str,
        code: str,
        *,
        password: str = PASSWORD,
        repeat: str | None = None,
        tenant: str = "north",
        **options: Any,
    ) -> httpx.Response:
        """Enter a code with a password."""
        body = {
            "code": code,
            "password": password,
            "password_repeat": password if repeat is None else repeat,
        }
        path = f"/api/v1/registrations/{registration_id}/confirmation"
        return await self.send("POST", path, body, tenant=tenant, **options)

    async def register(self, tenant: str = "north", **changes: Any) -> Any:
        """A patient from the form to the last step."""
        registration_id = await self.start(tenant, **changes)
        code = await self.code(registration_id, tenant)
        answer = await self.confirm(registration_id, code, tenant=tenant)
        assert answer.status_code == 201, answer.text
        await self.settle()
        return answer.json()

    async def sign_in(
        self,
        login: str = "anna@example.com",
        password: str = PASSWORD,
        *,
        tenant: str = "north",
        address: str = "198.51.100.7",
        **options: Any,
    ) -> httpx.Response:
        """An attempt to sign in from an address."""
        body = {"login": login, "password": password}
        return await self.send(
            "POST",
            "/api/v1/sessions",
            body,
            tenant=tenant,
            headers={"X-Forwarded-For": address},
            **options,
        )

    async def refresh(
        self, token: str, *, tenant: str = "north", key: str | None = None
    ) -> httpx.Response:
        """Exchange a refresh token."""
        body = {"refresh_token": token}
        return await self.send("POST", "/api/v1/sessions/refresh", body, tenant=tenant, key=key)

    async def open_organisation(self, tenant: str) -> None:
        """What makes a tenant exist; north and south do from the beginning."""
        token = await self.service_token()
        body = {"legal_name": "ООО Север"}
        answer = await self.send(
            "POST", "/internal/organisations", body, tenant=tenant, token=token
        )
        assert answer.status_code == 201, answer.text

    async def open_clinic(self, tenant: str = "north") -> str:
        """The id of a branch of the organisation."""
        token = await self.service_token()
        body = {
            "name": "Центр",
            "address": "Москва, Мира, 1",
            "phone": "+7 495 000-00-00",
            "zone": "Europe/Moscow",
        }
        answer = await self.send("POST", "/internal/branches", body, tenant=tenant, token=token)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["branch_id"])

    async def add_staff(self, tenant: str = "north", **body: Any) -> httpx.Response:
        """An account for somebody of the clinic."""
        person = {
            "role": "administrator",
            "email": "admin@north.example",
            "last_name": "Орлов",
            "first_name": "Пётр",
        }
        return await self.send(
            "POST",
            "/internal/staff",
            {**person, **body},
            tenant=tenant,
            token=await self.service_token(),
        )

    async def set_policy(self, name: str, value: object, tenant: str = "north") -> None:
        """An administrator changes a rule."""
        admin = await self.add_staff(tenant, email=f"{name}@north.example")
        password = admin.json()["password"]
        token = (await self.sign_in(f"{name}@north.example", password, tenant=tenant)).json()
        answer = await self.send(
            "PUT",
            "/api/v1/policies/identity",
            {"key": name, "value": value, "reason": "TRIAL"},
            tenant=tenant,
            token=token["access_token"],
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            open_pool(database, application_name="identity-tests")
        )
        made = World(pool)
        made.client = await stack.enter_async_context(api_client(made.app))
        for tenant in ("north", "south"):
            await made.open_organisation(tenant)
        await made.settle()
        yield made

"""The service as it runs: PostgreSQL under store, bus, views and keys."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import SecretStr

from embedded.postgres import with_database
from identity.bootstrap import open_identity
from identity.settings import IdentitySettings
from messaging.testing import until
from service_kit.errors import ConfigurationError
from service_kit.supervisor import Supervisor
from service_kit.testing import FixedClock, make_kit

pytestmark = pytest.mark.integration

ANNA: dict[str, Any] = {
    "last_name": "Иванова",
    "first_name": "Анна",
    "birth_date": "1990-05-17",
    "sex": "FEMALE",
    "email": "anna@example.com",
    "consents": {"personal_data": True, "document": "2026-01"},
}
NORTH = {"X-Kabinet-Tenant": "north"}


def settings_of(database: str, bus: str, master_key: str) -> IdentitySettings:
    return IdentitySettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr(bus),
        identity_url="http://service",
        service_secret=SecretStr("s-identity"),
        master_key=SecretStr(master_key),
        service_secrets={"ops": SecretStr("s-ops"), "identity": SecretStr("s-identity")},
        argon2_memory_kib=8,
        argon2_passes=1,
    )


@pytest.fixture
def settings(database: str, postgres_administrator: Any) -> Any:
    name = postgres_administrator.create()
    bus = with_database(postgres_administrator.url, name)
    yield settings_of(database, bus, "first:" + base64.b64encode(b"m" * 32).decode())
    postgres_administrator.drop(name)


@asynccontextmanager
async def running(settings: IdentitySettings) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        kit = make_kit("identity", clock=FixedClock())
        parts = await stack.enter_async_context(open_identity(settings, kit))
        supervisor = Supervisor(parts.tasks, kit.health)
        supervisor.start()
        stack.push_async_callback(supervisor.stop, within=5)
        transport = httpx.ASGITransport(parts.api)
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://service", headers=NORTH)
        )


async def as_ops(client: httpx.AsyncClient) -> dict[str, str]:
    body = {"service": "ops", "secret": "s-ops", "audience": "identity"}
    token = (await client.post("/internal/service-tokens", json=body)).json()["token"]
    return {"Authorization": f"Bearer {token}"}


async def open_organisation(client: httpx.AsyncClient) -> None:
    """Nobody registers in a clinic that does not exist."""
    answer = await client.post(
        "/internal/organisations", json={"legal_name": "ООО Север"}, headers=await as_ops(client)
    )
    assert answer.status_code == 201, answer.text


async def newest_code(client: httpx.AsyncClient, settings: IdentitySettings) -> str:
    """Read as notifications reads it: the published fact, opened with the key that identity gives."""
    connection = await asyncpg.connect(settings.bus_url.get_secret_value())
    try:
        issued = "FROM bus.log WHERE data LIKE '%\"code\"%'"

        async def published() -> bool:
            return bool(await connection.fetchval(f"SELECT count(*) {issued}"))

        await until(published)
        fact = msgspec.json.decode(await connection.fetchval(f"SELECT data {issued}"))
    finally:
        await connection.close()
    answer = await client.post(
        f"/internal/keys/{fact['patient_id']}",
        json={"tenant": "north"},
        headers=await as_ops(client),
    )
    cipher = fact["code"]["cipher"]
    closed = base64.urlsafe_b64decode(cipher + "=" * (-len(cipher) % 4))
    key = base64.urlsafe_b64decode(answer.json()["key"])
    return str(msgspec.json.decode(AESSIV(key).decrypt(closed, [b"code"])))


async def test_a_patient_registers_and_signs_in_and_all_of_it_outlives_the_process(
    settings: IdentitySettings,
) -> None:
    async with running(settings) as client:
        await open_organisation(client)
        answer = await client.post(
            "/api/v1/registrations", json=ANNA, headers={"Idempotency-Key": "1"}
        )
        code = await newest_code(client, settings)
        answer = await client.post(
            f"/api/v1/registrations/{answer.json()['registration_id']}/confirmation",
            json={
                "code": code,
                "password": "correct horse",
                "password_repeat": "correct horse",
            },
            headers={"Idempotency-Key": "2"},
        )
        assert answer.status_code == 201, answer.text
        credentials = {"login": "anna@example.com", "password": "correct horse"}
        first = await client.post("/api/v1/sessions", json=credentials)
        assert first.status_code == 201

    async with running(settings) as client:
        session = (await client.post("/api/v1/sessions", json=credentials)).json()
        bearer = {"Authorization": f"Bearer {first.json()['access_token']}"}
        me = await client.get(
            "/api/v1/me",
            headers={**bearer, "Kabinet-Position": first.headers["kabinet-position"]},
        )
        assert me.json()["name"]["full"] == "Иванова Анна"
        refreshed = await client.post(
            "/api/v1/sessions/refresh",
            json={"refresh_token": first.json()["refresh_token"]},
        )
        assert refreshed.status_code == 200
        assert session["session_id"] != first.json()["session_id"]


@pytest.mark.requirement("OPS-16")
async def test_how_a_service_gets_on_is_seen_from_outside(settings: IdentitySettings) -> None:
    async with running(settings) as client:
        await open_organisation(client)
        key = {"Idempotency-Key": "1"}
        await client.post("/api/v1/registrations", json=ANNA, headers=key)
        await newest_code(client, settings)
        assert "views" in (await client.get("/readyz")).json()["checks"]
        measured = (await client.get("/metrics")).text
        assert 'kabinet_events_recorded_total{type="RegistrationStarted.v1"}' in measured
        assert 'kabinet_view_stopped{view="profiles"} 0.0' in measured
        assert "kabinet_store_horizon_lag_seconds" in measured


async def test_a_master_key_that_is_none_is_told_before_anything_starts(
    settings: IdentitySettings,
) -> None:
    wrong = settings.model_copy(update={"master_key": SecretStr("first:c2hvcnQ=")})
    with pytest.raises(ConfigurationError, match="IDENTITY_MASTER_KEY"):
        async with open_identity(wrong, make_kit("identity")):
            pass


async def test_an_api_starts_and_answers_while_kafka_is_away(settings: IdentitySettings) -> None:
    """Requests write to the store alone; who publishes waits for the brokers."""
    away = settings.model_copy(update={"bus_url": SecretStr("kafka://127.0.0.1:1")})
    async with running(away) as client:
        ready = await client.get("/readyz")
        await open_organisation(client)
        answer = await client.post(
            "/api/v1/registrations", json=ANNA, headers={"Idempotency-Key": "1"}
        )
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["checks"]["bus"] == "MessagingUnavailable"
    assert answer.status_code == 201


async def test_a_master_key_is_retired_when_every_key_is_wrapped_anew(
    settings: IdentitySettings,
) -> None:
    """A year's keys and a token that is alive outlive the master key that they were wrapped with."""
    first = settings.master_key.get_secret_value()
    second = "second:" + base64.b64encode(b"n" * 32).decode()

    def under(*master_keys: str) -> IdentitySettings:
        return settings.model_copy(update={"master_key": SecretStr(",".join(master_keys))})

    async def keys(client: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
        answers = [
            await client.post(
                f"/internal/keys/{UUID(int=number)}", json={"tenant": "north"}, headers=headers
            )
            for number in range(3)
        ]
        return [answer.json()["key"] for answer in answers]

    async with running(settings) as client:
        ops = await as_ops(client)
        kept = await keys(client, ops)
    async with running(under(second, first)) as client:
        done = [
            (await client.post("/internal/rewrapping", headers=ops)).json()["rewrapped"]
            for _ in range(2)
        ]
        assert done == [4, 0], "three data keys and a signing key"
    async with running(under(second)) as client:
        assert await keys(client, ops) == kept
        assert await keys(client, await as_ops(client)) == kept

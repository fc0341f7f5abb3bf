"""What other services ask identity for: keys and tokens."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from privacy.errors import SubjectErased
from privacy.http import HttpKeyring
from service_kit.http import ProviderClient, ServiceTokens
from service_kit.tokens import InvalidToken, PublishedKeys, TokenVerifier
from vocabulary.ids import TenantId

pytestmark = pytest.mark.integration
NORTH, SOUTH = TenantId("north"), TenantId("south")
SOMEBODY = UUID("0190a000-0000-7000-8000-00000000beef")


def transport_of(world: Any) -> httpx.ASGITransport:
    return httpx.ASGITransport(world.app)


async def test_a_service_gets_a_token_for_another_and_the_other_verifies_it(world: Any) -> None:
    async with (
        ProviderClient.open(
            "identity", "http://service", transport=transport_of(world)
        ) as provider,
        httpx.AsyncClient(transport=transport_of(world)) as client,
    ):
        tokens = ServiceTokens(
            provider, service="ops", secret=SecretStr("s-ops"), clock=world.clock
        )
        text = await tokens.token("consultation-room")
        keys = PublishedKeys.of(client, "http://service")
        room, ops = (
            TokenVerifier(service=name, keys=keys, clock=world.clock)
            for name in ("consultation-room", "ops")
        )
        token = await room.verify(text)
        assert (token.service, sorted(token.roles), token.tenant) == ("ops", ["service"], None)
        assert token.expires_at == world.clock.now() + timedelta(minutes=15)
        with pytest.raises(InvalidToken):
            await ops.verify(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "s-room"},
        {"service": "nobody"},
        {"service": "nobody", "secret": ""},
        {"audience": "elsewhere"},
    ],
)
async def test_who_does_not_prove_itself_gets_no_token(world: Any, wrong: Any) -> None:
    body = {"service": "ops", "secret": "s-ops", "audience": "identity", **wrong}
    answer = await world.send("POST", "/internal/service-tokens", body, tenant=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "SERVICE_UNKNOWN")


async def test_a_service_may_be_named_with_either_kind_of_stroke(world: Any) -> None:
    for name in ("consultation-room", "consultation_room"):
        body = {"service": name, "secret": "s-room", "audience": "identity"}
        answer = await world.send("POST", "/internal/service-tokens", body, tenant=None)
        assert answer.status_code == 200


async def test_other_services_seal_with_the_key_that_identity_keeps(world: Any) -> None:
    async with httpx.AsyncClient(transport=transport_of(world)) as client:
        ring = HttpKeyring(client, identity_url="http://service", service_token=world.service_token)
        key = await ring.data_key(NORTH, SOMEBODY)
        assert key == await world.keyring.data_key(NORTH, SOMEBODY)
        assert key != await ring.data_key(SOUTH, SOMEBODY)
        await world.keyring.destroy(NORTH, SOMEBODY)
        with pytest.raises(SubjectErased):
            await ring.data_key(NORTH, SOMEBODY)


async def test_no_key_is_given_for_a_tenant_that_cannot_be(world: Any) -> None:
    answer = await world.send(
        "POST",
        f"/internal/keys/{SOMEBODY}",
        {"tenant": "No.Slug"},
        tenant=None,
        token=await world.service_token(),
    )
    assert answer.status_code == 422

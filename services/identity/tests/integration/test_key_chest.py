"""Signing keys and the root secret in PostgreSQL."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from identity.adapters.key_chest import PostgresSigningKeys, kept_root_secret
from identity.domain.signing_keys import Rotation
from privacy.errors import KeyUnavailable
from privacy.keyring import MasterKeys
from service_kit.database import migrate, open_pool
from service_kit.testing import FixedClock
from service_kit.tokens import ISSUER, InvalidToken, PublishedKeys, TokenVerifier

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
LIFE = timedelta(minutes=15)
ROTATION = Rotation(period=timedelta(days=30), lead=timedelta(minutes=10), token_life=LIFE)
CHANGE = START + timedelta(days=30)
OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
MASTER_KEYS = MasterKeys.from_text(f"old:{OLD}")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database, application_name="identity-tests") as opened:
        await migrate(opened, "identity")
        yield opened


def keys_of(
    pool: asyncpg.Pool, clock: FixedClock, master_keys: MasterKeys = MASTER_KEYS
) -> PostgresSigningKeys:
    return PostgresSigningKeys(pool, master_keys, ROTATION, clock)


def claims(clock: FixedClock) -> Mapping[str, Any]:
    return {
        "iss": ISSUER,
        "aud": "booking",
        "sub": "service:ops",
        "iat": int(clock.now().timestamp()),
        "exp": int((clock.now() + LIFE).timestamp()),
    }


def verifier_of(keys: PostgresSigningKeys, clock: FixedClock) -> TokenVerifier:
    """As another service verifies: with what is published, asked for again for each unknown key."""

    async def fetch() -> dict[str, Any]:
        return dict(await keys.published())

    return TokenVerifier(service="booking", keys=PublishedKeys(fetch, min_age=0), clock=clock)


async def count(pool: asyncpg.Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM signing_keys"))


async def test_a_token_is_verified_with_what_is_published(pool: asyncpg.Pool) -> None:
    clock = FixedClock(START)
    keys = keys_of(pool, clock)
    text = await keys.sign(claims(clock))
    assert (await verifier_of(keys, clock).verify(text)).service == "ops"
    assert all("d" not in key for key in (await keys.published())["keys"])


async def test_processes_that_start_together_agree_on_one_key(pool: asyncpg.Pool) -> None:
    clock = FixedClock(START)
    processes = [keys_of(pool, clock) for _ in range(8)]
    texts = await asyncio.gather(*(keys.sign(claims(clock)) for keys in processes))
    assert await count(pool) == 1
    for text in texts:
        assert (await verifier_of(processes[0], clock).verify(text)).service == "ops"


async def test_keys_change_and_the_last_token_of_the_old_one_lives_to_its_end(
    pool: asyncpg.Pool,
) -> None:
    clock = FixedClock(START)
    keys = keys_of(pool, clock)
    verifier = verifier_of(keys, clock)
    await keys.sign(claims(clock))

    clock.set(CHANGE - timedelta(minutes=10) - MOMENT)
    await keys.published()
    assert await count(pool) == 1
    clock.set(CHANGE - timedelta(minutes=10))
    assert len((await keys.published())["keys"]) == 2, "known before it signs"

    clock.set(CHANGE - timedelta(seconds=1))
    last = await keys.sign(claims(clock))
    clock.set(CHANGE)
    first = await keys.sign(claims(clock))
    assert last.split(".")[0] != first.split(".")[0], "another key"

    clock.set(CHANGE + LIFE - timedelta(seconds=1) - MOMENT)
    assert (await verifier.verify(last)).service == "ops"
    clock.set(CHANGE + LIFE - MOMENT)
    assert len((await keys.published())["keys"]) == 2
    clock.set(CHANGE + LIFE)
    assert len((await keys.published())["keys"]) == 1
    assert await count(pool) == 1, "the private key is destroyed"
    with pytest.raises(InvalidToken):
        await keys.key(str(last))


async def test_another_process_learns_of_a_new_key_before_it_signs(pool: asyncpg.Pool) -> None:
    clock = FixedClock(START)
    one, other = keys_of(pool, clock), keys_of(pool, clock)
    await one.sign(claims(clock))
    await other.sign(claims(clock))
    clock.set(CHANGE - timedelta(minutes=10))
    await one.published()
    clock.set(CHANGE)
    text = await other.sign(claims(clock))
    assert await count(pool) == 2
    assert text.split(".")[0] == (await one.sign(claims(clock))).split(".")[0]


async def test_a_process_that_was_away_for_long_goes_on(pool: asyncpg.Pool) -> None:
    clock = FixedClock(START)
    keys = keys_of(pool, clock)
    await keys.sign(claims(clock))
    clock.set(START + timedelta(days=400))
    text = await keys.sign(claims(clock))
    assert (await verifier_of(keys, clock).verify(text)).service == "ops"
    assert await count(pool) == 2


async def test_keys_lie_wrapped_and_open_with_their_master_key_only(pool: asyncpg.Pool) -> None:
    clock = FixedClock(START)
    await keys_of(pool, clock).sign(claims(clock))
    row = await pool.fetchrow("SELECT wrapped, master_key_id FROM signing_keys")
    assert row is not None
    assert row["master_key_id"] == "old"
    assert b"\x30\x81" not in row["wrapped"][:40], "no PKCS #8 in the clear"
    both = MasterKeys.from_text(f"new:{NEW},old:{OLD}")
    assert await keys_of(pool, clock, both).sign(claims(clock))
    with pytest.raises(KeyUnavailable):
        await keys_of(pool, clock, MasterKeys.from_text(f"new:{NEW}")).sign(claims(clock))


async def test_the_root_secret_is_made_once_and_follows_the_master_key(
    pool: asyncpg.Pool,
) -> None:
    secrets = await asyncio.gather(*(kept_root_secret(pool, MASTER_KEYS) for _ in range(5)))
    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 32
    both = MasterKeys.from_text(f"new:{NEW},old:{OLD}")
    assert await kept_root_secret(pool, both) == secrets[0]
    assert await kept_root_secret(pool, MasterKeys.from_text(f"new:{NEW}")) == secrets[0]

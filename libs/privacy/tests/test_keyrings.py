"""Every keyring runs the conformance suite; then what is particular to each."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from uuid import UUID

import asyncpg
import httpx
import pytest

from privacy.errors import KeyUnavailable, SubjectErased
from privacy.http import HttpKeyring, KeyAnswer
from privacy.keyring import Keyring, KeyringOwner, MasterKeys, WrappedKey, new_data_key
from privacy.memory import MemoryKeyring
from privacy.postgres import MIGRATION, PostgresKeyring
from privacy.testing import ANNA, BORIS, NORTH, SOUTH, KeyringConformance
from vocabulary.ids import tenant_id

OLD = MasterKeys(current="k1", keys={"k1": b"1" * 32})
ROTATED = MasterKeys(current="k2", keys={"k1": b"1" * 32, "k2": b"2" * 32})
NEW = MasterKeys(current="k2", keys={"k2": b"2" * 32})

WAITING = "SELECT count(*) FROM pg_sleep(0.01), pg_locks WHERE NOT granted"
Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=8, max_size=8) as opened:
        await opened.execute(MIGRATION)
        await opened.execute(MIGRATION)
        yield opened


async def service_token() -> str:
    return "token-of-booking"


def identity(ring: Keyring) -> Handler:
    """The internal key route, as identity answers it."""

    async def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        assert request.headers["authorization"] == "Bearer token-of-booking"
        prefix, _, subject = request.url.path.rpartition("/")
        assert prefix == "/internal/keys"
        try:
            tenant = tenant_id(json.loads(request.content)["tenant"])
            key = await ring.data_key(tenant, UUID(subject))
        except SubjectErased:
            return httpx.Response(410)
        return httpx.Response(200, json={"key": KeyAnswer.of(key).key})

    return answer


def http_keyring(handler: Handler) -> HttpKeyring:
    return HttpKeyring(
        httpx.AsyncClient(transport=httpx.MockTransport(handler)),
        identity_url="http://identity/",
        service_token=service_token,
        pause_seconds=0.001,
    )


class TestMemoryKeyring(KeyringConformance):
    @pytest.fixture
    def owner(self) -> KeyringOwner:
        return MemoryKeyring()

    @pytest.fixture
    def keyring(self, owner: KeyringOwner) -> Keyring:
        return owner


@pytest.mark.integration
class TestPostgresKeyring(KeyringConformance):
    @pytest.fixture
    def owner(self, pool: "asyncpg.Pool[asyncpg.Record]") -> KeyringOwner:
        return PostgresKeyring(pool, OLD)

    @pytest.fixture
    def keyring(self, owner: KeyringOwner) -> Keyring:
        return owner


class TestHttpKeyring(KeyringConformance):
    @pytest.fixture
    def owner(self) -> KeyringOwner:
        return MemoryKeyring()

    @pytest.fixture
    def keyring(self, owner: KeyringOwner) -> Keyring:
        return http_keyring(identity(owner))


@pytest.mark.integration
async def test_the_table_holds_no_key_in_the_clear_and_none_after_destroying(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    ring = PostgresKeyring(pool, OLD)
    key = await ring.data_key(NORTH, ANNA)
    row = await pool.fetchrow("SELECT * FROM data_keys")
    assert row is not None
    assert key not in row["wrapped"]
    await ring.destroy(NORTH, ANNA)
    destroyed = await pool.fetchrow("SELECT * FROM data_keys")
    assert destroyed is not None
    assert destroyed["wrapped"] is None
    assert destroyed["created_at"] == row["created_at"]
    await ring.destroy(NORTH, ANNA)
    assert await pool.fetchrow("SELECT * FROM data_keys") == destroyed


@pytest.mark.integration
async def test_master_keys_rotate_without_touching_data_keys(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    before = PostgresKeyring(pool, OLD)
    anna = await before.data_key(NORTH, ANNA)
    await before.data_key(SOUTH, BORIS)
    await before.destroy(SOUTH, BORIS)
    with pytest.raises(KeyUnavailable):
        await PostgresKeyring(pool, NEW).data_key(NORTH, ANNA)
    rotating = PostgresKeyring(pool, ROTATED)
    assert await rotating.data_key(NORTH, ANNA) == anna
    assert [await rotating.rewrap(), await rotating.rewrap()] == [1, 0]
    assert await PostgresKeyring(pool, NEW).data_key(NORTH, ANNA) == anna
    with pytest.raises(KeyUnavailable):
        await before.data_key(NORTH, ANNA)


@pytest.mark.integration
async def test_a_first_use_that_lost_the_race_returns_the_winners_key(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    ring, key = PostgresKeyring(pool, OLD), new_data_key()
    wrapped = OLD.wrap(NORTH, ANNA, key)
    async with pool.acquire() as winner, winner.transaction():
        await winner.execute(
            "INSERT INTO data_keys (tenant, subject, wrapped, master_key_id)"
            " VALUES ($1, $2, $3, $4)",
            NORTH,
            ANNA,
            wrapped.wrapped,
            wrapped.master_key_id,
        )
        late = asyncio.create_task(ring.data_key(NORTH, ANNA))
        async with asyncio.timeout(10):
            while not await pool.fetchval(WAITING):
                pass
    assert await late == key


@pytest.mark.integration
async def test_a_closed_table_is_unavailable(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    ring = PostgresKeyring(pool, OLD)
    await pool.execute("DROP TABLE data_keys")
    with pytest.raises(KeyUnavailable):
        await ring.data_key(NORTH, ANNA)
    await pool.close()
    with pytest.raises(KeyUnavailable):
        await ring.data_key(NORTH, ANNA)


async def test_a_passing_fault_of_identity_is_tried_again() -> None:
    ring = MemoryKeyring()
    faults: list[int | Exception] = [503, httpx.ReadTimeout("slow")]

    async def answer(request: httpx.Request) -> httpx.Response:
        if faults:
            fault = faults.pop()
            if isinstance(fault, Exception):
                raise fault
            return httpx.Response(fault)
        return await identity(ring)(request)

    assert await http_keyring(answer).data_key(NORTH, ANNA) == await ring.data_key(NORTH, ANNA)
    assert not faults


@pytest.mark.parametrize(
    ("status", "body", "asked"),
    [
        (503, b"", 3),
        (429, b"", 3),
        (401, b"", 1),
        (404, b"", 1),
        (200, b"<html>", 1),
        (200, b'{"key": "c2hvcnQ="}', 1),
        (200, b'{"key": "?"}', 1),
        (200, b'{"key": "abc"}', 1),
    ],
)
async def test_no_key_from_identity_is_unavailable(status: int, body: bytes, asked: int) -> None:
    requests: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, content=body)

    with pytest.raises(KeyUnavailable):
        await http_keyring(answer).data_key(NORTH, ANNA)
    assert len(requests) == asked


def test_the_current_master_key_must_be_there() -> None:
    with pytest.raises(ValueError, match="current master key"):
        MasterKeys(current="k2", keys=OLD.keys)


def test_a_wrapped_key_opens_in_its_own_row_only() -> None:
    key = new_data_key()
    wrapped = OLD.wrap(NORTH, ANNA, key)
    assert ROTATED.unwrap(NORTH, ANNA, wrapped) == key
    forged = WrappedKey(master_key_id="k1", wrapped=wrapped.wrapped[:-1] + b"\0")
    for master, tenant, subject, attempt in [
        (OLD, SOUTH, ANNA, wrapped),
        (OLD, NORTH, BORIS, wrapped),
        (NEW, NORTH, ANNA, wrapped),
        (MasterKeys(current="k1", keys={"k1": b"x" * 32}), NORTH, ANNA, wrapped),
        (OLD, NORTH, ANNA, forged),
    ]:
        with pytest.raises(KeyUnavailable):
            master.unwrap(tenant, subject, attempt)


def test_master_keys_are_read_from_settings_and_never_shown() -> None:
    text = "k2:MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI=, k1:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="
    assert MasterKeys.from_text(text) == ROTATED
    assert "2222" not in repr(ROTATED)
    assert "wrapped" not in repr(ROTATED.wrap(NORTH, ANNA, new_data_key()))


@pytest.mark.parametrize("text", ["", "k1", "k1:???", "k1:c2hvcnQ=", f":{'MTEx' * 10}MTE="])
def test_unusable_master_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="master key"):
        MasterKeys.from_text(text)

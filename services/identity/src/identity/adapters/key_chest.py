"""Signing keys and the root secret in PostgreSQL, wrapped with the master key."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from joserfc import jwt
from joserfc.jwk import ECKey

from identity.domain.signing_keys import KeyPlan, Rotation
from privacy.keyring import MasterKeys, WrappedKey
from service_kit.clock import Clock
from service_kit.ids import new_id
from service_kit.tokens import InvalidToken
from vocabulary.ids import TenantId

__all__ = ["PostgresSigningKeys", "SigningKey", "kept_root_secret"]

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_SUITE: Final = TenantId("kabinet")
"""What the wrapping authenticates in place of a tenant: these keys belong to all of them."""
_ROOT: Final = UUID("0f6f3f0a-9a1c-5f0e-8f1e-6d1f0a2b7c11")
_LOOK_AGAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    plan: KeyPlan
    key: ECKey = field(repr=False)


class PostgresSigningKeys:
    """Makes, uses, publishes and destroys the keys of access tokens as `Rotation` says.

    Every process looks at the table again every few seconds of real time, and at once when a key is due. A new key is
    in the table `Rotation.lead` before it signs, so all processes know it by then.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        master_keys: MasterKeys,
        rotation: Rotation,
        clock: Clock,
        *,
        look_again_seconds: float = _LOOK_AGAIN_SECONDS,
    ) -> None:
        self._pool, self._master_keys, self._rotation, self._clock = (
            pool,
            master_keys,
            rotation,
            clock,
        )
        self._look_again_seconds = look_again_seconds
        self._keys: dict[UUID, SigningKey] = {}
        self._looked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def sign(self, claims: Mapping[str, Any]) -> str:
        """See `TokenSigner`."""
        now = self._clock.now()
        keys = await self._current(now)
        chosen = self._rotation.signing([key.plan for key in keys.values()], now)
        header = {"alg": "ES256", "kid": str(chosen.key_id)}
        return jwt.encode(header, dict(claims), keys[chosen.key_id].key, ["ES256"])

    async def published(self) -> Mapping[str, Any]:
        """See `SigningKeys`."""
        keys = await self._current(self._clock.now())
        return {"keys": [key.key.as_dict(private=False) for key in keys.values()]}

    async def key(self, key_id: str) -> ECKey:
        """See `service_kit.tokens.KeySource`: identity verifies with its own keys."""
        keys = await self._current(self._clock.now())
        for key in keys.values():
            if str(key.plan.key_id) == key_id:
                return key.key
        raise InvalidToken("unknown key")

    async def rewrap(self) -> int:
        """See `KeyWrapping`; there are never more than a few."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                "SELECT key_id, wrapped, master_key_id FROM signing_keys"
                " WHERE master_key_id <> $1 ORDER BY key_id FOR UPDATE",
                self._master_keys.current,
            )
            for row in rows:
                key = self._master_keys.unwrap(_SUITE, row["key_id"], _wrapped(row))
                anew = self._master_keys.wrap(_SUITE, row["key_id"], key)
                await connection.execute(
                    "UPDATE signing_keys SET wrapped = $2, master_key_id = $3 WHERE key_id = $1",
                    row["key_id"],
                    anew.wrapped,
                    anew.master_key_id,
                )
            return len(rows)

    async def _current(self, now: datetime) -> Mapping[UUID, SigningKey]:
        if self._is_stale(now):
            async with self._lock:
                if self._is_stale(now):
                    await self._look(now)
        return self._keys

    def _is_stale(self, now: datetime) -> bool:
        plans = [key.plan for key in self._keys.values()]
        return (
            time.monotonic() - self._looked_at > self._look_again_seconds
            or self._rotation.successor_signs_from(plans, now) is not None
            or bool(self._rotation.retired(plans, now))
        )

    async def _look(self, now: datetime) -> None:
        looked_at = time.monotonic()
        plans: Sequence[KeyPlan] = await self._plans(self._pool)
        if self._rotation.successor_signs_from(plans, now) or self._rotation.retired(plans, now):
            async with self._pool.acquire() as connection, connection.transaction():
                plans = await self._turn(connection, now)
        known = self._keys
        fresh = {plan.key_id for plan in plans} - known.keys()
        opened = await self._open(fresh)
        self._keys = {
            plan.key_id: known.get(plan.key_id) or SigningKey(plan=plan, key=opened[plan.key_id])
            for plan in plans
        }
        self._looked_at = looked_at

    async def _turn(self, connection: Connection, now: datetime) -> Sequence[KeyPlan]:
        """Make the key that is due and destroy those that are retired; processes take turns."""
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('identity.signing_keys'))")
        plans = await self._plans(connection)
        signs_from = self._rotation.successor_signs_from(plans, now)
        if signs_from is not None:
            await self._make(connection, now, signs_from)
            plans = await self._plans(connection)
        retired = [plan.key_id for plan in self._rotation.retired(plans, now)]
        await connection.execute("DELETE FROM signing_keys WHERE key_id = ANY($1)", retired)
        return [plan for plan in plans if plan.key_id not in retired]

    async def _plans(
        self, connection: "asyncpg.Pool[asyncpg.Record] | Connection"
    ) -> list[KeyPlan]:
        rows = await connection.fetch(
            "SELECT key_id, made_at, signs_from FROM signing_keys ORDER BY signs_from, key_id"
        )
        return [
            KeyPlan(key_id=row["key_id"], made_at=row["made_at"], signs_from=row["signs_from"])
            for row in rows
        ]

    async def _make(self, connection: Connection, now: datetime, signs_from: datetime) -> None:
        key_id, key = new_id(), ECKey.generate_key("P-256")
        wrapped = self._master_keys.wrap(_SUITE, key_id, key.as_der(private=True))
        await connection.execute(
            "INSERT INTO signing_keys (key_id, made_at, signs_from, wrapped, master_key_id)"
            " VALUES ($1, $2, $3, $4, $5)",
            key_id,
            now,
            signs_from,
            wrapped.wrapped,
            wrapped.master_key_id,
        )

    async def _open(self, key_ids: set[UUID]) -> dict[UUID, ECKey]:
        if not key_ids:
            return {}
        rows = await self._pool.fetch(
            "SELECT key_id, wrapped, master_key_id FROM signing_keys WHERE key_id = ANY($1)",
            list(key_ids),
        )
        return {
            row["key_id"]: ECKey.import_key(
                self._master_keys.unwrap(_SUITE, row["key_id"], _wrapped(row)),
                {"kid": str(row["key_id"]), "use": "sig", "alg": "ES256"},
            )
            for row in rows
        }


async def kept_root_secret(pool: "asyncpg.Pool[asyncpg.Record]", master_keys: MasterKeys) -> bytes:
    """The 32 bytes that hashes and refresh tokens are made from.

    Made once per database, and wrapped anew when there is another current master key.
    """
    fresh = master_keys.wrap(_SUITE, _ROOT, secrets.token_bytes(32))
    await pool.execute(
        "INSERT INTO root_secret (id, wrapped, master_key_id) VALUES (1, $1, $2)"
        " ON CONFLICT (id) DO NOTHING",
        fresh.wrapped,
        fresh.master_key_id,
    )
    row = await pool.fetchrow("SELECT wrapped, master_key_id FROM root_secret WHERE id = 1")
    if row is None:
        raise AssertionError("the row was just written")
    root = master_keys.unwrap(_SUITE, _ROOT, _wrapped(row))
    if row["master_key_id"] != master_keys.current:
        anew = master_keys.wrap(_SUITE, _ROOT, root)
        await pool.execute(
            "UPDATE root_secret SET wrapped = $1, master_key_id = $2 WHERE id = 1",
            anew.wrapped,
            anew.master_key_id,
        )
    return root


def _wrapped(row: asyncpg.Record) -> WrappedKey:
    return WrappedKey(master_key_id=row["master_key_id"], wrapped=row["wrapped"])

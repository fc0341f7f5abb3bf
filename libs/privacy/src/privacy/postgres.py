"""The keyring that identity owns: wrapped keys in a table of its database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from privacy.errors import KeyUnavailable, SubjectErased
from privacy.keyring import MasterKeys, WrappedKey, new_data_key
from vocabulary.ids import TenantId

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

MIGRATION = """
CREATE TABLE IF NOT EXISTS data_keys (
    tenant        text        NOT NULL,
    subject       uuid        NOT NULL,
    wrapped       bytea,
    master_key_id text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    destroyed_at  timestamptz,
    PRIMARY KEY (tenant, subject),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((wrapped IS NULL) = (master_key_id IS NULL))
);
CREATE INDEX IF NOT EXISTS data_keys_by_master_key ON data_keys (master_key_id);
"""

_FIND = "SELECT wrapped, master_key_id FROM data_keys WHERE tenant = $1 AND subject = $2"

_CREATE = """
INSERT INTO data_keys (tenant, subject, wrapped, master_key_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, subject) DO NOTHING
RETURNING wrapped, master_key_id
"""

# A subject without a key gets a tombstone too, so that a late first use cannot revive it.
_DESTROY = """
INSERT INTO data_keys (tenant, subject, destroyed_at) VALUES ($1, $2, now())
ON CONFLICT (tenant, subject) DO UPDATE
SET wrapped = NULL, master_key_id = NULL,
    destroyed_at = coalesce(data_keys.destroyed_at, excluded.destroyed_at)
"""

_OLD = """
SELECT tenant, subject, wrapped, master_key_id FROM data_keys
WHERE master_key_id <> $1 ORDER BY tenant, subject LIMIT $2 FOR UPDATE SKIP LOCKED
"""

_REWRAP = """
UPDATE data_keys SET wrapped = $3, master_key_id = $4 WHERE tenant = $1 AND subject = $2
"""


_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was ended in the middle of an answer
)


class PostgresKeyring:
    """Keys wrapped by `MasterKeys` in the table that `MIGRATION` makes.

    Destroying overwrites the row and keeps a tombstone. Old row versions, write-ahead log and
    back-ups still hold the wrapped key until vacuum and rotation; after the master key of that
    time is retired (`rewrap` until nothing is left, then drop it from the settings) they cannot be
    opened either.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], master_keys: MasterKeys) -> None:
        self._pool = pool
        self._master_keys = master_keys

    async def data_key(self, tenant: TenantId, subject: UUID) -> bytes:
        """See `Keyring`; of several first uses at once one makes the key and all return it."""
        async with self._connection() as connection:
            row = await connection.fetchrow(_FIND, tenant, subject)
            if row is None:
                fresh = self._master_keys.wrap(tenant, subject, new_data_key())
                row = await connection.fetchrow(
                    _CREATE, tenant, subject, fresh.wrapped, fresh.master_key_id
                )
            if row is None:
                row = await connection.fetchrow(_FIND, tenant, subject)
        if row is None:
            raise KeyUnavailable("the row of a data key is gone")
        if row["wrapped"] is None:
            raise SubjectErased(subject)
        return self._master_keys.unwrap(tenant, subject, _wrapped(row))

    async def destroy(self, tenant: TenantId, subject: UUID) -> None:
        """See `KeyringOwner`."""
        async with self._connection() as connection:
            await connection.execute(_DESTROY, tenant, subject)

    async def rewrap(self, *, at_most: int = 500) -> int:
        """Wrap keys that are under older master keys with the current one; returns how many."""
        async with self._connection() as connection, connection.transaction():
            rows = await connection.fetch(_OLD, self._master_keys.current, at_most)
            for row in rows:
                tenant, subject = TenantId(row["tenant"]), row["subject"]
                data_key = self._master_keys.unwrap(tenant, subject, _wrapped(row))
                fresh = self._master_keys.wrap(tenant, subject, data_key)
                await connection.execute(
                    _REWRAP, tenant, subject, fresh.wrapped, fresh.master_key_id
                )
            return len(rows)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except _OUTAGES as lost:
            raise KeyUnavailable("the table of data keys cannot be reached") from lost


def _wrapped(row: asyncpg.Record) -> WrappedKey:
    return WrappedKey(master_key_id=row["master_key_id"], wrapped=row["wrapped"])

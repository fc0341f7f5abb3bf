"""Snapshots beside the events."""

from typing import Final

from event_store.postgres.connections import Pool, translated_errors
from event_store.postgres.schema import migrate
from event_store.records import Cursor, StreamName
from event_store.snapshots import Snapshot

__all__ = ["PostgresSnapshotStore"]

_LOAD: Final = """
    SELECT revision, order_key, position, state FROM event_store.snapshots
    WHERE stream = $1 AND schema = $2
"""

_SAVE: Final = """
    INSERT INTO event_store.snapshots AS kept (stream, schema, revision, order_key, position, state)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (stream) DO UPDATE
    SET schema = excluded.schema, revision = excluded.revision, order_key = excluded.order_key,
        position = excluded.position, state = excluded.state
    WHERE kept.schema <> excluded.schema OR kept.revision < excluded.revision
"""


class PostgresSnapshotStore:
    """The snapshot port in the database of the events."""

    def __init__(self, pool: Pool) -> None:
        """Use `open`, or give the pool of an opened store."""
        self._pool = pool

    @classmethod
    async def open(cls, pool: Pool) -> "PostgresSnapshotStore":
        """Create or complete the schema and give the store. Raises StoreUnavailable."""
        await migrate(pool)
        return cls(pool)

    async def load(self, stream: StreamName, schema: str) -> Snapshot | None:
        """See the port."""
        with translated_errors():
            row = await self._pool.fetchrow(_LOAD, str(stream), schema)
        if row is None:
            return None
        revision, order_key, position, state = row
        return Snapshot(revision, Cursor(order_key, position), state)

    async def save(self, stream: StreamName, schema: str, snapshot: Snapshot) -> None:
        """See the port. An older snapshot of the same shape never replaces a newer one."""
        revision, cursor, state = snapshot
        with translated_errors():
            await self._pool.execute(_SAVE, str(stream), schema, revision, *cursor, state)

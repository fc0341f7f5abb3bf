"""The event store on PostgreSQL."""

from event_store.postgres.connections import SERVER_SETTINGS, open_pool
from event_store.postgres.schema import NeedsRebase, needs_rebase, rebase
from event_store.postgres.snapshots import PostgresSnapshotStore
from event_store.postgres.store import PostgresEventStore

__all__ = [
    "SERVER_SETTINGS",
    "NeedsRebase",
    "PostgresEventStore",
    "PostgresSnapshotStore",
    "needs_rebase",
    "open_pool",
    "rebase",
]

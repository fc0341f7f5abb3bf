"""The event store as a port: append, read, subscribe; the command loop and the codec on top of it."""

from event_store.codec import Codec, UnknownEventType, UnstorableText
from event_store.handling import CommandContext, CommandHandler, Handled
from event_store.records import (
    EVERYTHING,
    NO_STREAM,
    START,
    AppendConflict,
    Appended,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    Metadata,
    NewEvent,
    Page,
    RecordedEvent,
    StoreRefused,
    StoreUnavailable,
    StreamDeleted,
    StreamName,
)
from event_store.snapshots import Snapshot, Snapshots, SnapshotStore
from event_store.store import EventStore

__all__ = [
    "EVERYTHING",
    "NO_STREAM",
    "START",
    "AppendConflict",
    "Appended",
    "Codec",
    "CommandContext",
    "CommandHandler",
    "Cursor",
    "EventFilter",
    "EventStore",
    "Handled",
    "IdempotencyViolation",
    "Metadata",
    "NewEvent",
    "Page",
    "RecordedEvent",
    "Snapshot",
    "SnapshotStore",
    "Snapshots",
    "StoreRefused",
    "StoreUnavailable",
    "StreamDeleted",
    "StreamName",
    "UnknownEventType",
    "UnstorableText",
]

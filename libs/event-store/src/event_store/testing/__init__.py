"""What every adapter of the event store port must keep.

An adapter's test module subclasses `EventStoreConformance` and gives the fixture `open_store`; snapshots have
`SnapshotStoreConformance`.
"""

from event_store.testing.conformance import EventStoreConformance, OpenStore
from event_store.testing.samples import (
    closing,
    event,
    history,
    noted,
    read_back,
    stream,
    take,
    texts,
)
from event_store.testing.snapshots import SnapshotStoreConformance

__all__ = [
    "EventStoreConformance",
    "OpenStore",
    "SnapshotStoreConformance",
    "closing",
    "event",
    "history",
    "noted",
    "read_back",
    "stream",
    "take",
    "texts",
]

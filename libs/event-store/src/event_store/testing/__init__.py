"""What every adapter of the event store port must keep.

An adapter's test module subclasses `EventStoreConformance` and gives the fixture `open_store`.
"""

from event_store.testing.conformance import EventStoreConformance, OpenStore
from event_store.testing.samples import event, noted, read_back, stream, take

__all__ = ["EventStoreConformance", "OpenStore", "event", "noted", "read_back", "stream", "take"]

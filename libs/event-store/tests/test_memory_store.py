import pytest

from event_store import NO_STREAM, IdempotencyViolation
from event_store.memory import MemoryEventStore, MemorySnapshotStore
from event_store.store import EventStore
from event_store.testing import (
    EventStoreConformance,
    OpenStore,
    SnapshotStoreConformance,
    event,
    stream,
)


class TestMemoryEventStore(EventStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemoryEventStore()

        async def opened() -> EventStore:
            return store

        return opened


class TestMemorySnapshotStore(SnapshotStoreConformance):
    @pytest.fixture
    def snapshots(self) -> MemorySnapshotStore:
        return MemorySnapshotStore()


async def test_an_id_is_in_the_store_once() -> None:
    store, one = MemoryEventStore(), event()
    await store.append(stream("a"), [one], expected=NO_STREAM)
    with pytest.raises(IdempotencyViolation):
        await store.append(stream("b"), [one], expected=NO_STREAM)
    with pytest.raises(IdempotencyViolation):
        await store.append(stream("b"), [two := event(), two], expected=NO_STREAM)

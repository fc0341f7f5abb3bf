import pytest

from event_store.memory import MemoryEventStore
from event_store.store import EventStore
from event_store.testing import EventStoreConformance, OpenStore


class TestMemoryEventStore(EventStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemoryEventStore()

        async def opened() -> EventStore:
            return store

        return opened

import pytest
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from secrets import token_hex
from event_store.kurrent import KurrentEventStore
from event_store.store import EventStore
from event_store.testing import EventStoreConformance, OpenStore
from event_store.testing.kurrent_server import running_instrument

@pytest.fixture
async def uri():
    async with running_instrument() as i:
        yield i.uri

class TestKurrentEventStore(EventStoreConformance):
    @pytest.fixture
    async def open_store(self, uri: str) -> AsyncIterator[OpenStore]:
        service = f"test-{token_hex(6)}"
        async with AsyncExitStack() as opened:
            async def open_one() -> EventStore:
                store = await KurrentEventStore.open(uri, service=service)
                opened.push_async_callback(store.close)
                return store

            yield open_one

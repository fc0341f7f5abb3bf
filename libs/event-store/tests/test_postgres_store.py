from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from event_store.postgres import PostgresEventStore, open_pool
from event_store.store import EventStore
from event_store.testing import EventStoreConformance, OpenStore

pytestmark = pytest.mark.integration


class TestPostgresEventStore(EventStoreConformance):
    @pytest.fixture
    async def open_store(self, database: str) -> AsyncIterator[OpenStore]:
        async with AsyncExitStack() as opened:

            async def open_one() -> EventStore:
                pool = await opened.enter_async_context(await open_pool(database))
                store = await PostgresEventStore.open(pool, poll_seconds=10)
                opened.push_async_callback(store.close)
                return store

            yield open_one

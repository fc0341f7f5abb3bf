"""The same world, with its events in PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from event_store import EventStore
from event_store.postgres import PostgresEventStore
from service_kit.database import open_pool


@pytest.fixture
async def store(database: str) -> AsyncIterator[EventStore]:
    async with open_pool(database, application_name="billing-test") as pool:
        store = await PostgresEventStore.open(pool)
        yield store
        await store.close()

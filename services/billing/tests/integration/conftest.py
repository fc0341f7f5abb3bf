"""The same world, with its events in PostgreSQL or in KurrentDB."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest

from event_store import EventStore
from event_store.opening import open_store
from event_store.testing.kurrent_fixtures import kurrent_uri, real_uri
from service_kit.database import open_pool

__all__ = ["kurrent_uri", "real_uri"]  # fixtures


@pytest.fixture(params=["postgresql", "kurrentdb"])
async def store(
    request: pytest.FixtureRequest, database: str, kurrent_uri: str
) -> AsyncIterator[EventStore]:
    url = kurrent_uri if request.param == "kurrentdb" else None
    async with (
        open_pool(database, application_name="billing-test") as pool,
        open_store(url, service=f"billing-{token_hex(6)}", pool=pool) as store,
    ):
        yield store

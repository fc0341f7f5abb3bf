from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from messaging.bus import Bus
from messaging.inbox import Inbox
from messaging.postgres import PostgresBus, PostgresInbox
from messaging.testing import (
    BusConformance,
    ConsumerConformance,
    InboxConformance,
    OpenBus,
    OpenInbox,
)

pytestmark = pytest.mark.integration


class _InPostgres:
    @pytest.fixture
    async def opened(self) -> AsyncIterator[AsyncExitStack]:
        async with AsyncExitStack() as opened:
            yield opened

    @pytest.fixture
    def open_bus(self, database: str, opened: AsyncExitStack) -> OpenBus:
        async def open_one() -> Bus:
            pool = await opened.enter_async_context(asyncpg.create_pool(database, min_size=1))
            bus = await PostgresBus.open(pool, poll_seconds=0.2)
            opened.push_async_callback(bus.close)
            return bus

        return open_one

    @pytest.fixture
    def open_inbox(self, database: str, opened: AsyncExitStack) -> OpenInbox:
        async def open_one() -> Inbox:
            pool = await opened.enter_async_context(asyncpg.create_pool(database, min_size=1))
            inbox = await PostgresInbox.open(pool)
            opened.push_async_callback(inbox.close)
            return inbox

        return open_one


class TestPostgresBus(_InPostgres, BusConformance):
    pass


class TestPostgresInbox(_InPostgres, InboxConformance):
    pass


class TestConsumersInPostgres(_InPostgres, ConsumerConformance):
    pass

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from messaging.bus import Bus
from messaging.inbox import Inbox
from messaging.kafka import KafkaAddress, KafkaBus
from messaging.postgres import PostgresInbox
from messaging.testing import BusConformance, ConsumerConformance, OpenBus, OpenInbox

pytestmark = pytest.mark.integration


class _OnKafka:
    @pytest.fixture
    async def opened(self) -> AsyncIterator[AsyncExitStack]:
        async with AsyncExitStack() as opened:
            yield opened

    @pytest.fixture
    def open_bus(self, kafka_url: str, opened: AsyncExitStack) -> OpenBus:
        async def open_one() -> Bus:
            return await opened.enter_async_context(
                KafkaBus.open(KafkaAddress.parse(kafka_url), client="test")
            )

        return open_one

    @pytest.fixture
    def open_inbox(self, database: str, opened: AsyncExitStack) -> OpenInbox:
        async def open_one() -> Inbox:
            pool = await opened.enter_async_context(asyncpg.create_pool(database, min_size=1))
            inbox = await PostgresInbox.open(pool)
            opened.push_async_callback(inbox.close)
            return inbox

        return open_one


class TestKafkaBus(_OnKafka, BusConformance):
    pass


class TestConsumersOnKafka(_OnKafka, ConsumerConformance):
    pass

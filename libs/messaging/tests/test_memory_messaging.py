import pytest

from messaging.bus import Bus
from messaging.inbox import Inbox
from messaging.memory import MemoryBus, MemoryInbox
from messaging.testing import (
    BusConformance,
    ConsumerConformance,
    InboxConformance,
    OpenBus,
    OpenInbox,
)


class _InMemory:
    @pytest.fixture
    def open_bus(self) -> OpenBus:
        bus = MemoryBus()

        async def open_one() -> Bus:
            return bus

        return open_one

    @pytest.fixture
    def open_inbox(self) -> OpenInbox:
        inbox = MemoryInbox()

        async def open_one() -> Inbox:
            return inbox

        return open_one


class TestMemoryBus(_InMemory, BusConformance):
    pass


class TestMemoryInbox(_InMemory, InboxConformance):
    pass


class TestConsumersInMemory(_InMemory, ConsumerConformance):
    pass

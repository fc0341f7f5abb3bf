# ruff: noqa: D102 - the names of tests are sentences
"""What every bus must keep."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import pytest

from messaging.bus import (
    BEGINNING,
    AssignedPartition,
    Bus,
    Delivery,
    PartitionsFixed,
    Topic,
    partition_of,
)
from messaging.envelope import Envelope
from messaging.testing.driving import until
from messaging.testing.samples import TOPIC, envelope, envelopes

__all__ = ["BusConformance", "OpenBus"]

OpenBus: TypeAlias = Callable[[], Awaitable[Bus]]


class _Member:
    """One member of a group that notes what it reads, from the offsets that the group shares."""

    def __init__(self, bus: Bus, group: str, offsets: dict[int, int], limit: int = 500) -> None:
        self._bus, self._group, self._limit = bus, group, limit
        self.offsets = offsets
        self.read: list[tuple[int, Delivery]] = []
        self.holding: set[int] = set()
        self.most_held = 0

    async def work(self, partition: AssignedPartition) -> None:
        self.holding.add(partition.index)
        self.most_held = max(self.most_held, len(self.holding))
        try:
            after = self.offsets.get(partition.index, BEGINNING)
            async for batch in partition.batches(after=after, limit=self._limit):
                self.read += [(partition.index, delivery) for delivery in batch]
                self.offsets[partition.index] = batch[-1].offset
                partition.acknowledge(batch[-1].offset)
        finally:
            self.holding.discard(partition.index)

    @contextlib.asynccontextmanager
    async def joined(self) -> AsyncIterator["_Member"]:
        task = asyncio.create_task(self._bus.consume(TOPIC, self._group, self.work))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])

    @property
    def envelopes(self) -> list[Envelope]:
        return [delivery.envelope for _, delivery in self.read]


class BusConformance:
    """The suite. Subclass it, give `open_bus`."""

    @pytest.fixture
    def open_bus(self) -> OpenBus:
        """Every call is another process's view of the same bus."""
        raise NotImplementedError

    async def _read(self, bus: Bus, count: int, group: str = "billing") -> list[Envelope]:
        async with _Member(bus, group, {}).joined() as member:
            await until(lambda: len(member.read) >= count)
            return member.envelopes

    async def test_what_was_published_comes_out_as_it_was(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        sent = envelope(1)
        await bus.publish(TOPIC, [sent])
        assert await self._read(bus, 1) == [sent]

    async def test_events_of_a_key_come_in_the_order_of_publishing(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        sent = envelopes(300)
        for start in range(0, 300, 70):
            await bus.publish(TOPIC, sent[start : start + 70])
        got = await self._read(bus, 300)
        for key in {each.key for each in sent}:
            assert [e for e in got if e.key == key] == [e for e in sent if e.key == key]

    async def test_a_key_stays_in_its_partition(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        await bus.publish(TOPIC, envelopes(50))
        async with _Member(bus, "billing", {}).joined() as member:
            await until(lambda: len(member.read) == 50)
        for index, delivery in member.read:
            assert index == partition_of(delivery.envelope.key, TOPIC.partitions)

    def test_the_partition_of_a_key_is_the_same_in_every_process(self) -> None:
        keys = ["appointment-north.1", "appointment-north.2", "врач-south.я"]
        assert [partition_of(key, 12) for key in keys] == [10, 4, 9]

    async def test_a_new_group_starts_at_the_beginning_of_history(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        await bus.publish(TOPIC, envelopes(20))
        await self._read(bus, 20, "billing")
        await bus.publish(TOPIC, envelopes(5, first=21))
        assert len(await self._read(bus, 25, "notifications")) == 25

    async def test_a_reader_goes_on_where_it_says(self, open_bus: OpenBus) -> None:
        bus, offsets = await open_bus(), dict[int, int]()
        await bus.publish(TOPIC, envelopes(20))
        async with _Member(bus, "billing", offsets).joined() as member:
            await until(lambda: len(member.read) == 20)
        await bus.publish(TOPIC, envelopes(6, first=21))
        async with _Member(await open_bus(), "billing", offsets).joined() as again:
            await until(lambda: len(again.read) >= 6)
        assert sorted(e.position for e in again.envelopes) == [
            e.position for e in envelopes(6, first=21)
        ]

    async def test_events_arrive_while_a_reader_waits(self, open_bus: OpenBus) -> None:
        reader, writer = await open_bus(), await open_bus()
        async with _Member(reader, "billing", {}).joined() as member:
            await until(lambda: len(member.holding) == TOPIC.partitions)
            for number in range(1, 6):
                await writer.publish(TOPIC, [envelope(number)])
                await until(lambda number=number: len(member.read) == number)

    async def test_batches_keep_to_their_limit(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        sent = [envelope(number) for number in range(1, 32)]
        await bus.publish(TOPIC, sent)
        sizes: list[int] = []

        async def work(partition: AssignedPartition) -> None:
            async for batch in partition.batches(limit=10):
                sizes.append(len(batch))

        task = asyncio.create_task(bus.consume(TOPIC, "billing", work))
        await until(lambda: sum(sizes) == 31)
        task.cancel()
        await asyncio.wait([task])
        assert max(sizes) <= 10

    async def test_events_of_a_megabyte_pass(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        big = [envelope(number, data=b"x" * 1_000_000) for number in range(1, 21)]
        await bus.publish(TOPIC, big)
        assert await self._read(bus, 20) == big

    async def test_an_empty_publication_is_nothing(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        await bus.publish(TOPIC, [])
        assert list(await bus.ends(TOPIC)) == [BEGINNING] * TOPIC.partitions

    async def test_ends_are_where_the_last_events_are(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        await bus.publish(TOPIC, envelopes(40))
        async with _Member(bus, "billing", {}).joined() as member:
            await until(lambda: len(member.read) == 40)
        ends = list(await bus.ends(TOPIC))
        assert ends == [member.offsets.get(index, BEGINNING) for index in range(TOPIC.partitions)]

    async def test_partitions_of_a_topic_in_use_are_fixed(self, open_bus: OpenBus) -> None:
        await (await open_bus()).publish(TOPIC, envelopes(1))
        bus = await open_bus()
        with pytest.raises(PartitionsFixed):
            await bus.publish(Topic(TOPIC.name, TOPIC.partitions + 1), envelopes(1))

    async def test_members_of_a_group_divide_the_partitions(self, open_bus: OpenBus) -> None:
        offsets: dict[int, int] = {}
        first, second = [_Member(await open_bus(), "billing", offsets) for _ in range(2)]
        async with first.joined(), second.joined():
            await until(lambda: len(first.holding) == len(second.holding) == 2)
            assert first.holding.isdisjoint(second.holding)
            await (await open_bus()).publish(TOPIC, envelopes(200))
            await until(lambda: len(first.read) + len(second.read) == 200)
        assert {index for index, _ in first.read}.isdisjoint(index for index, _ in second.read)

    async def test_more_members_than_partitions_do_no_harm(self, open_bus: OpenBus) -> None:
        members = [_Member(await open_bus(), "billing", {}) for _ in range(6)]
        async with contextlib.AsyncExitStack() as stack:
            for member in members:
                await stack.enter_async_context(member.joined())
            await until(lambda: sorted(len(m.holding) for m in members) == [0, 0, 1, 1, 1, 1])

    async def test_a_member_that_leaves_is_replaced(self, open_bus: OpenBus) -> None:
        offsets: dict[int, int] = {}
        first, second = [_Member(await open_bus(), "billing", offsets) for _ in range(2)]
        writer = await open_bus()
        async with second.joined():
            async with first.joined():
                await until(lambda: len(first.holding) == len(second.holding) == 2)
                await writer.publish(TOPIC, envelopes(50))
                await until(lambda: len(first.read) + len(second.read) == 50)
            await writer.publish(TOPIC, envelopes(50, first=51))
            await until(lambda: len(first.read) + len(second.read) == 100)
            assert len(second.holding) == TOPIC.partitions

    async def test_joining_and_leaving_under_load_loses_nothing(self, open_bus: OpenBus) -> None:
        offsets: dict[int, int] = {}
        writer = await open_bus()
        sent = envelopes(600)
        members: list[_Member] = []

        async def publish() -> None:
            for start in range(0, len(sent), 10):
                await writer.publish(TOPIC, sent[start : start + 10])
                await asyncio.sleep(0.002)

        publishing = asyncio.create_task(publish())
        async with _Member(await open_bus(), "billing", offsets, limit=7).joined() as steady:
            members.append(steady)
            for _ in range(3):
                passing = _Member(await open_bus(), "billing", offsets, limit=7)
                members.append(passing)
                async with passing.joined():
                    await until(lambda passing=passing: passing.most_held > 0)
            await publishing
            await until(lambda: sum(len(member.read) for member in members) >= len(sent))
        positions = [e.position for member in members for e in member.envelopes]
        assert sorted(positions) == [e.position for e in sent]

    async def test_work_that_raises_ends_consuming(self, open_bus: OpenBus) -> None:
        async def work(partition: AssignedPartition) -> None:
            raise LookupError(partition.topic)

        with pytest.raises(ExceptionGroup) as raised:
            await (await open_bus()).consume(TOPIC, "billing", work)
        assert raised.value.subgroup(LookupError) is not None

    async def test_callers_of_one_bus_may_publish_at_the_same_time(self, open_bus: OpenBus) -> None:
        bus = await open_bus()
        sent = envelopes(960, key=lambda number: f"k{number % 48}")

        async def publish(caller: int) -> None:
            own = [each for each in sent if each.key.endswith(f".k{caller}")]
            for each in own:
                await bus.publish(TOPIC, [each])

        await asyncio.gather(*map(publish, range(48)))
        got = await self._read(bus, len(sent))
        assert len(got) == len(sent)
        for key in {each.key for each in sent}:
            assert [e for e in got if e.key == key] == [e for e in sent if e.key == key]

    async def test_several_publishers_leave_no_gap_for_a_reader(self, open_bus: OpenBus) -> None:
        writers = [await open_bus() for _ in range(4)]
        batches = [envelopes(40, first=1 + 40 * n, key=lambda _: f"w{n}") for n in range(4)]

        async def publish(bus: Bus, batch: Sequence[Envelope]) -> None:
            for start in range(0, 40, 4):
                await bus.publish(TOPIC, batch[start : start + 4])

        async with _Member(await open_bus(), "billing", {}, limit=3).joined() as member:
            await asyncio.gather(*map(publish, writers, batches))
            await until(lambda: len(member.read) >= 160)
        for batch in batches:
            got = [e.position for e in member.envelopes if e.key == batch[0].key]
            assert got == [e.position for e in batch]

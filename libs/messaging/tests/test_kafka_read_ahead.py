"""What is read ahead of the work on partitions of Kafka has to fit into the memory of a worker."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from messaging import to_headers
from messaging.bus import Delivery
from messaging.kafka.partition import POLL_RECORDS, HeldPartition, ReadAhead, size_of
from messaging.testing import envelope

MEBIBYTE = 1024 * 1024
A_WORKER = 512 * MEBIBYTE
POLLED = POLL_RECORDS * 4 // 5  # a partition that is nearly full is given as much again


class PausingConsumer:
    """aiokafka's, as far as a partition sees it."""

    def __init__(self) -> None:
        self.paused: set[TopicPartition] = set()

    def seek(self, place: TopicPartition, offset: int) -> None:
        pass

    def pause(self, place: TopicPartition) -> None:
        self.paused.add(place)

    def resume(self, place: TopicPartition) -> None:
        self.paused.discard(place)


class Held:
    """A partition whose work is at a batch, or has not asked for one yet."""

    def __init__(self, index: int, ahead: ReadAhead) -> None:
        self.place, self.consumer = TopicPartition("visits", index), PausingConsumer()
        self.partition = HeldPartition(self.consumer, self.place, {}, ahead)
        self.consumer.pause(self.place)
        self.batches: AsyncIterator[Sequence[Delivery]] = self.partition.batches()
        self.read = 0

    async def fill(self) -> None:
        """What brokers send while the work is at its first batch, until they are told to stop."""
        taking = asyncio.ensure_future(anext(self.batches))
        while self.place in self.consumer.paused:  # noqa: ASYNC110 - until the work has begun
            await asyncio.sleep(0)
        self.poll()
        self.at_work = await taking
        while self.place not in self.consumer.paused:
            self.poll()

    def poll(self) -> None:
        self.partition.put(polled(POLLED, first=self.read))
        self.read += POLLED


def polled(count: int, *, first: int = 0, data: int = 300) -> "list[ConsumerRecord[bytes, bytes]]":
    """Records as aiokafka unpacks them: no two of them share a byte."""
    return [one(number, data) for number in range(first, first + count)]


def one(number: int, data: int) -> "ConsumerRecord[bytes, bytes]":
    sent = envelope(number)
    headers = [(name.encode().decode(), text.encode()) for name, text in to_headers(sent).items()]
    assert len(headers) == 12
    return ConsumerRecord(
        *("visits", 0, number, 1_700_000_000_000 + number, 0),
        *(sent.key.encode(), bytes(data), None, len(sent.key), data, headers),
    )


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def test_forty_eight_full_partitions_leave_a_worker_half_of_its_memory(traced: None) -> None:
    ahead = ReadAhead(partitions=48)
    some = [Held(index, ahead) for index in range(4)]
    for each in some:
        await each.fill()
    _, most = tracemalloc.get_traced_memory()
    assert 48 / len(some) * most < A_WORKER / 2


async def test_a_partition_alone_may_be_read_further_ahead_than_one_of_many() -> None:
    alone, among = Held(0, ReadAhead(partitions=1)), Held(0, ReadAhead(partitions=48))
    await alone.fill()
    await among.fill()
    assert alone.read > 5 * among.read > 0


@pytest.mark.parametrize("data", [0, 300, 20_000])
def test_a_record_counts_for_what_it_takes(traced: None, data: int) -> None:
    before, _ = tracemalloc.get_traced_memory()
    records = polled(1000, data=data)
    taken = tracemalloc.get_traced_memory()[0] - before
    assert sum(map(size_of, records)) == pytest.approx(taken, rel=0.2)

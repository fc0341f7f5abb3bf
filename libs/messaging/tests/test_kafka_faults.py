"""What may happen to a broker, a relay and consumers on Apache Kafka, and what must not follow from it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from embedded.kafka import KafkaServer
from event_store import NewEvent, StreamName
from event_store.codec import encode_metadata
from event_store.postgres import PostgresEventStore, open_pool
from messaging import (
    BEGINNING,
    Bus,
    Envelope,
    Flow,
    Inbox,
    MessagingUnavailable,
    Runnable,
    Terms,
    batch_consumer,
    open_bus,
)
from messaging.postgres import PostgresInbox
from messaging.testing import TOPIC, QuietWatch, envelope, envelopes, running, told, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LONG = 100.0
WORKER = Path(__file__).with_name("worker.py")
TABLE = "CREATE TABLE written (number bigint GENERATED ALWAYS AS IDENTITY, key text, position text)"
DISORDER = """
    SELECT count(*) FROM (
        SELECT position <= lag(position) OVER (PARTITION BY key ORDER BY number) AS wrong FROM written
    ) AS each WHERE wrong
"""


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def pool(database: str, opened: AsyncExitStack) -> "asyncpg.Pool[asyncpg.Record]":
    pool = await opened.enter_async_context(await open_pool(database))
    await pool.execute(TABLE)
    return pool


@pytest.fixture
async def inbox(pool: "asyncpg.Pool[asyncpg.Record]", opened: AsyncExitStack) -> Inbox:
    inbox = await PostgresInbox.open(pool)
    opened.push_async_callback(inbox.close)
    return inbox


@pytest.fixture
async def bus(kafka_url: str, opened: AsyncExitStack) -> Bus:
    return await open_one(kafka_url, opened)


async def open_one(url: str, opened: AsyncExitStack) -> Bus:
    return await opened.enter_async_context(
        open_bus(url, client="test", open_pool=asyncpg.create_pool)
    )


async def start(*arguments: str) -> asyncio.subprocess.Process:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"working\n"
    return worker


async def write(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
    await connection.execute(
        "INSERT INTO written (key, position) SELECT * FROM unnest($1::text[], $2::text[])",
        [each.key for each in batch],
        [each.position for each in batch],
    )


def writing(bus: Bus, inbox: Inbox, *, watch: QuietWatch | None = None) -> Runnable:
    async def apply(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
        if any(each.key.endswith(".poison") for each in batch):
            raise ArithmeticError
        await write(connection, batch)

    return batch_consumer(
        name="directory",
        topic=TOPIC,
        types={"Counted.v1"},
        apply=apply,
        bus=bus,
        inbox=inbox,
        watch=watch or QuietWatch(),
        terms=Terms(attempts=2, first_delay=timedelta(milliseconds=10)),
    )


async def assert_written(
    pool: "asyncpg.Pool[asyncpg.Record]", sent: Sequence[Envelope], *, timeout: float = LONG
) -> None:
    async def done() -> bool:
        return bool(await pool.fetchval("SELECT count(*) >= $1 FROM written", len(sent)))

    await until(done, timeout=timeout)
    rows = await pool.fetch("SELECT position FROM written")
    assert sorted(row["position"] for row in rows) == sorted(each.position for each in sent)
    assert await pool.fetchval(DISORDER) == 0


async def publish_stubbornly(bus: Bus, sent: Sequence[Envelope], *, size: int = 20) -> int:
    """As a relay does; says how often it had to publish again."""
    troubles = 0
    for first in range(0, len(sent), size):
        while True:
            try:
                await bus.publish(TOPIC, sent[first : first + size])
                break
            except MessagingUnavailable:
                troubles += 1
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.005)
    return troubles


async def test_a_bus_opens_without_a_broker_says_so_and_works_once_there_is_one(
    kafka_server: KafkaServer,
    killable_kafka_url: str,
    opened: AsyncExitStack,
    pool: "asyncpg.Pool[asyncpg.Record]",
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kafka_server.kill()
    bus = await opened.enter_async_context(
        open_bus(killable_kafka_url, client="test", open_pool=asyncpg.create_pool)
    )
    with pytest.raises(MessagingUnavailable):
        await bus.ping()
    assert kafka_server.address in caplog.text
    sent = envelopes(20)
    publishing = asyncio.create_task(publish_stubbornly(bus, sent))
    async with running(writing(bus, inbox)):
        await until(lambda: "bus.unreachable" in caplog.text, timeout=LONG)
        assert not publishing.done()
        await kafka_server.start_async()
        assert await publishing > 0
        await assert_written(pool, sent)
    await bus.ping()


async def test_nothing_stands_in_a_partition_behind_what_was_refused(bus: Bus) -> None:
    """Each try is a new producer, of whom the broker would take any first number: B without A, again and again."""
    too_big = envelope(1, data=b"x" * 2_000_000)
    behind = [envelope(number, data=b"y" * 200_000) for number in range(2, 6)]
    for _ in range(3):
        with pytest.raises(MessagingUnavailable):
            await bus.publish(TOPIC, [too_big, *behind])
    assert set(await bus.ends(TOPIC)) == {BEGINNING}
    sent = [envelope(1), *behind]
    await bus.publish(TOPIC, sent)
    with pytest.raises(MessagingUnavailable):
        await bus.publish(TOPIC, [too_big, envelope(6)])  # of a producer that is known there
    assert await told(bus, TOPIC) == sent


async def test_a_broker_killed_and_started_again_costs_nothing(
    kafka_server: KafkaServer,
    killable_kafka_url: str,
    opened: AsyncExitStack,
    pool: "asyncpg.Pool[asyncpg.Record]",
    inbox: Inbox,
) -> None:
    writer, reader = [await open_one(killable_kafka_url, opened) for _ in range(2)]
    sent = envelopes(8_000)
    async with running(writing(reader, inbox)):
        publishing = asyncio.create_task(publish_stubbornly(writer, sent))

        async def half_way() -> bool:
            return bool(await pool.fetchval("SELECT count(*) > 500 FROM written"))

        await until(half_way, timeout=LONG)
        kafka_server.kill()
        assert not publishing.done()
        await kafka_server.start_async()
        await publishing
        await assert_written(pool, sent)


async def test_a_consumer_killed_in_the_middle_of_a_batch_is_replaced(
    database: str, kafka_url: str, bus: Bus, pool: "asyncpg.Pool[asyncpg.Record]", inbox: Inbox
) -> None:
    sent = envelopes(200)
    await bus.publish(TOPIC, sent)
    victim = await start(database, kafka_url, "hanging_rows")
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"in the middle\n"
    victim.kill()
    await victim.wait()
    assert await pool.fetchval("SELECT count(*) FROM written") == 0
    successor = await start(database, kafka_url, "rows")
    await assert_written(pool, sent)
    successor.kill()
    await successor.wait()

    async def nothing_parked() -> bool:
        return not await inbox.list_parked()

    await until(nothing_parked, timeout=LONG)


async def test_consumers_that_join_and_leave_under_load_write_each_event_once(
    kafka_url: str,
    opened: AsyncExitStack,
    bus: Bus,
    pool: "asyncpg.Pool[asyncpg.Record]",
    inbox: Inbox,
) -> None:
    sent = envelopes(4_000)
    steady, passing = [await open_one(kafka_url, opened) for _ in range(2)]
    async with running(writing(steady, inbox)):
        publishing = asyncio.create_task(publish_stubbornly(bus, sent))
        visits = 0
        while not publishing.done():
            watch = QuietWatch()
            async with running(writing(passing, inbox, watch=watch)):
                await until(lambda watch=watch: watch.count > 0 or publishing.done(), timeout=LONG)
            visits += watch.count > 0
        await publishing
        await assert_written(pool, sent)
    assert visits > 1
    assert list(await inbox.list_parked()) == []


@pytest.mark.requirement("OPS-03")
async def test_a_relay_killed_between_acknowledgement_and_checkpoint_publishes_again_in_order(
    database: str,
    kafka_url: str,
    opened: AsyncExitStack,
    bus: Bus,
    pool: "asyncpg.Pool[asyncpg.Record]",
    inbox: Inbox,
) -> None:
    store = await PostgresEventStore.open(pool)
    opened.push_async_callback(store.close)
    batch = [
        NewEvent(
            uuid5(UUID(int=0), str(number)),
            "Counted.v1",
            b'{"number":%d}' % number,
            encode_metadata(envelope(1).metadata),
        )
        for number in range(30)
    ]
    await store.append(StreamName("counter", "north", "a"), batch, expected=-1)
    for times in (1, 2):
        dying = await start(database, kafka_url, "dying_relay")
        assert await dying.wait() == -9
        assert (
            len(await told(bus, TOPIC, timeout=LONG)) == 20 * times
        )  # a page of the worker's terms
    flows = {each.flow: each.mark for each in await inbox.positions()}
    assert flows[Flow("booking.relay", "booking")] == ""
    relay = await start(database, kafka_url, "relay", "rows")
    stored = [event async for page in store.read_all() for event in page.events]

    async def done() -> bool:
        return bool(await pool.fetchval("SELECT count(*) = $1 FROM written", len(stored)))

    await until(done, timeout=LONG)
    relay.kill()
    await relay.wait()
    topic = await told(bus, TOPIC, timeout=LONG)
    order = [str(event.cursor) for event in stored]
    assert [each.position for each in topic] == [*order[:20], *order[:20], *order]
    rows = await pool.fetch("SELECT position FROM written ORDER BY number")
    assert [row["position"] for row in rows] == order


async def test_a_hundred_thousand_events_one_key_poisoned(
    kafka_url: str,
    opened: AsyncExitStack,
    bus: Bus,
    pool: "asyncpg.Pool[asyncpg.Record]",
    inbox: Inbox,
) -> None:
    def key(number: int) -> str:
        return "poison" if number % 2_000 == 7 else f"k{number % 2_000}"

    sent = envelopes(100_000, key=key)
    poisoned = [each for each in sent if each.key.endswith(".poison")]
    healthy = [each for each in sent if not each.key.endswith(".poison")]
    watch = QuietWatch()
    consumers = [writing(await open_one(kafka_url, opened), inbox, watch=watch) for _ in range(2)]
    async with running(*consumers):
        for first in range(0, len(sent), 500):
            await bus.publish(TOPIC, sent[first : first + 500])
        await assert_written(pool, healthy)

        async def all_parked() -> bool:
            return sum(each.waiting for each in await inbox.list_parked()) == len(poisoned)

        await until(all_parked, timeout=LONG)
    assert watch.quarantined == [poisoned[0].key]
    kept = await inbox.parked_envelopes("directory", poisoned[0].key)
    assert list(kept) == poisoned
    # A group that nobody has seen before starts at the beginning of history.
    assert len(await told(bus, TOPIC, timeout=LONG)) == len(sent)

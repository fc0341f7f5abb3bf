import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from messaging import AssignedPartition, Cause, Envelope, Flow, Terms, batch_consumer, bus_consumer
from messaging.postgres import PostgresBus, PostgresInbox
from messaging.testing import (
    TOPIC,
    Counted,
    Ledger,
    NowClock,
    QuietWatch,
    envelope,
    envelopes,
    running,
    until,
)

pytestmark = pytest.mark.integration

FLOW = Flow("booking.relay", "booking")
LONG = timedelta(hours=1)
END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def outside(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def open_inbox(database: str, opened: AsyncExitStack) -> PostgresInbox:
    pool = await opened.enter_async_context(asyncpg.create_pool(database, min_size=1))
    inbox = await PostgresInbox.open(pool)
    opened.push_async_callback(inbox.close)
    return inbox


async def open_bus(database: str, opened: AsyncExitStack) -> PostgresBus:
    pool = await opened.enter_async_context(asyncpg.create_pool(database, min_size=1))
    bus = await PostgresBus.open(pool, poll_seconds=0.2)
    opened.push_async_callback(bus.close)
    return bus


async def test_the_lease_of_a_dead_process_is_free_at_once(
    database: str, opened: AsyncExitStack, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    one, two = await open_inbox(database, opened), await open_inbox(database, opened)
    assert await one.claim(FLOW, holder="one", ttl=LONG) is not None
    assert await two.claim(FLOW, holder="two", ttl=LONG) is None
    await outside.execute(
        "SELECT pg_terminate_backend(session_pid) FROM messaging.flow WHERE holder = 'one'"
    )

    async def taken() -> bool:
        return await two.claim(FLOW, holder="two", ttl=LONG) is not None

    await until(taken)


async def test_a_holder_that_lost_its_session_keeps_its_lease_with_a_new_one(
    database: str, opened: AsyncExitStack, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    one, two = await open_inbox(database, opened), await open_inbox(database, opened)
    claim = await one.claim(FLOW, holder="one", ttl=LONG)
    assert claim is not None
    await outside.execute("SELECT pg_terminate_backend(session_pid) FROM messaging.flow")
    await asyncio.sleep(0.05)
    await one.renew(claim, LONG)
    assert await two.claim(FLOW, holder="two", ttl=LONG) is None


async def test_partitions_of_a_dead_member_are_taken_at_once(
    database: str, opened: AsyncExitStack, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bus = await open_bus(database, opened)
    await outside.execute(
        """INSERT INTO bus.member VALUES ($1, 'billing', 'dead', clock_timestamp() + $2, 1, clock_timestamp())""",
        TOPIC.name,
        LONG,
    )
    await outside.execute(
        "INSERT INTO bus.lease SELECT $1, 'billing', generate_series(0, 3), 'dead'", TOPIC.name
    )
    held: set[int] = set()

    async def work(partition: AssignedPartition) -> None:
        held.add(partition.index)
        await asyncio.Event().wait()

    consuming = asyncio.create_task(bus.consume(TOPIC, "billing", work))
    await until(lambda: held == {0, 1, 2, 3})
    consuming.cancel()
    await asyncio.wait([consuming])


async def test_a_server_that_drops_every_connection_costs_nothing(
    database: str, opened: AsyncExitStack, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bus, inbox = await open_bus(database, opened), await open_inbox(database, opened)
    writer = await open_bus(database, opened)
    ledger, sent = Ledger(), envelopes(400)

    async def on_counted(_: Counted, cause: Cause, __: object) -> None:
        await asyncio.sleep(0.002)
        ledger.note(cause.envelope)

    consumer = bus_consumer(
        service="billing",
        topic=TOPIC,
        handlers={Counted: on_counted},
        app=None,
        bus=bus,
        inbox=inbox,
        clock=NowClock(),
        watch=QuietWatch(),
        terms=Terms(batch=10),
    )
    await writer.publish(TOPIC, sent)

    async def acknowledged() -> bool:
        rows = await outside.fetch("SELECT acknowledged FROM bus.lease ORDER BY partition")
        return [row["acknowledged"] for row in rows] == list(await writer.ends(TOPIC))

    async with running(consumer):
        for reached in (50, 150, 250):
            await until(lambda reached=reached: len(set(ledger.all())) >= reached)
            await outside.execute(END_OTHERS)
        await until(lambda: set(ledger.all()) == set(range(1, 401)), timeout=20)
        await until(acknowledged)
    ledger.assert_in_order(sent)


async def test_readers_go_on_after_an_error_of_the_server_that_is_no_outage(
    database: str, opened: AsyncExitStack, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bus, writer = await open_bus(database, opened), await open_bus(database, opened)
    await writer.publish(TOPIC, [envelope(1)])
    seen: list[Envelope] = []

    async def work(partition: AssignedPartition) -> None:
        async for batch in partition.batches():
            seen.extend(delivery.envelope for delivery in batch)

    consuming = asyncio.create_task(bus.consume(TOPIC, "billing", work))
    await until(lambda: seen == [envelope(1)])
    await outside.execute("ALTER TABLE bus.head RENAME TO mislaid")
    await asyncio.sleep(0.5)
    await outside.execute("ALTER TABLE bus.mislaid RENAME TO head")
    await writer.publish(TOPIC, [envelope(2)])
    await until(lambda: seen == [envelope(1), envelope(2)])
    consuming.cancel()
    await asyncio.wait([consuming])


async def test_a_batch_of_big_events_is_bounded_by_its_bytes(
    database: str, opened: AsyncExitStack
) -> None:
    bus = await open_bus(database, opened)
    sent = [envelope(number, data=bytes(3_000_000)) for number in range(1, 8)]
    await bus.publish(TOPIC, sent)
    sizes: list[int] = []

    async def work(partition: AssignedPartition) -> None:
        async for batch in partition.batches():
            sizes.append(len(batch))

    consuming = asyncio.create_task(bus.consume(TOPIC, "billing", work))
    await until(lambda: sum(sizes) == 7)
    consuming.cancel()
    await asyncio.wait([consuming])
    assert sizes == [3, 3, 1]


async def test_a_statement_that_cannot_be_sent_is_a_bug_and_no_outage(
    database: str, opened: AsyncExitStack
) -> None:
    bus, inbox = await open_bus(database, opened), await open_inbox(database, opened)
    watch = QuietWatch()

    async def apply(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
        await connection.execute("SELECT $1::int", len(batch), "one too many")

    consumer = batch_consumer(
        name="directory",
        topic=TOPIC,
        types={"Counted.v1"},
        apply=apply,
        bus=bus,
        inbox=inbox,
        watch=watch,
        terms=Terms(attempts=1, redrive_every=timedelta(milliseconds=10)),
    )
    await bus.publish(TOPIC, [envelope(1)])
    async with running(consumer):
        await until(lambda: watch.quarantined == [envelope(1).key])
    assert watch.stalls == []


async def test_rows_that_violate_a_rule_of_the_table_are_rolled_back_with_their_position(
    database: str, opened: AsyncExitStack, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bus, inbox = await open_bus(database, opened), await open_inbox(database, opened)
    watch = QuietWatch()
    await outside.execute("CREATE TABLE seen (key text, position text CHECK (key NOT LIKE '%.k3'))")

    async def apply(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
        await connection.executemany(
            "INSERT INTO seen VALUES ($1, $2)", [(each.key, each.position) for each in batch]
        )

    consumer = batch_consumer(
        name="directory",
        topic=TOPIC,
        types={"Counted.v1"},
        apply=apply,
        bus=bus,
        inbox=inbox,
        watch=watch,
        terms=Terms(attempts=1, redrive_every=timedelta(milliseconds=10)),
    )
    sent = envelopes(70)
    await bus.publish(TOPIC, sent)

    async def written() -> bool:
        return bool(await outside.fetchval("SELECT count(*) = 60 FROM seen"))

    async with running(consumer):
        await until(lambda: watch.quarantined == ["counter-north.k3"])
        await until(written)
    rows = await outside.fetch("SELECT position FROM seen ORDER BY position")
    assert [row["position"] for row in rows] == [
        each.position for each in sent if each.key != "counter-north.k3"
    ]

"""The adapter against a real server: the shared suite, the order key, and what happens when things break."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import cast
from uuid import UUID

import asyncpg
import pytest

from event_store import (
    NO_STREAM,
    START,
    AppendConflict,
    Appended,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    Page,
    RecordedEvent,
    StoreUnavailable,
)
from event_store.postgres import (
    SERVER_SETTINGS,
    NeedsRebase,
    PostgresEventStore,
    PostgresSnapshotStore,
    open_pool,
    rebase,
)
from event_store.postgres.appending import Request, append_one
from event_store.postgres.reading import news
from event_store.store import EventStore
from event_store.testing import (
    EventStoreConformance,
    OpenStore,
    SnapshotStoreConformance,
    closing,
    event,
    history,
    noted,
    read_back,
    stream,
    take,
    texts,
)

pytestmark = pytest.mark.integration

Pool = asyncpg.Pool
Connect = Callable[[], Awaitable[asyncpg.Connection]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with await open_pool(database, min_size=1, max_size=20) as opened:
        yield opened


@pytest.fixture
async def store(pool: Pool) -> AsyncIterator[PostgresEventStore]:
    opened = await PostgresEventStore.open(pool, poll_seconds=10)
    yield opened
    await opened.close()


@pytest.fixture
async def connect(
    database: str, store: PostgresEventStore
) -> AsyncIterator[Callable[[], Awaitable[asyncpg.Connection]]]:
    """Connections of somebody else, to a database with the schema in it."""
    opened: list[asyncpg.Connection] = []

    async def one() -> asyncpg.Connection:
        opened.append(await asyncpg.connect(database))
        return opened[-1]

    yield one
    for connection in opened:
        connection.terminate()


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


class TestPostgresSnapshotStore(SnapshotStoreConformance):
    @pytest.fixture
    async def snapshots(self, pool: Pool) -> PostgresSnapshotStore:
        return await PostgresSnapshotStore.open(pool)


# The order key


async def append_slowly(
    connection: asyncpg.Connection, chance: random.Random, written: list[Appended]
) -> None:
    """One append in a transaction that takes its id early, dawdles, and is not always committed."""
    transaction = connection.transaction()
    await transaction.start()
    with contextlib.suppress(AppendConflict):
        if chance.random() < 0.4:
            await connection.execute("SELECT pg_current_xact_id()")
            await asyncio.sleep(chance.random() * 0.004)
        name = stream(str(chance.randrange(6)))
        actual = await connection.fetchval(
            "SELECT revision FROM event_store.streams WHERE stream = $1", str(name)
        )
        batch = [event() for _ in range(chance.choice([1, 1, 3]))]
        appended = await append_one(
            connection, Request(name, batch, NO_STREAM if actual is None else actual)
        )
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.004)
        if chance.random() < 0.85:
            await transaction.commit()
            written.append(appended)
            return
    await transaction.rollback()


async def test_nothing_is_lost_beside_slow_transactions_and_rollbacks(
    store: PostgresEventStore, connect: Connect, pool: Pool
) -> None:
    busy_reader = PostgresEventStore(pool, poll_seconds=0.001)
    chance = random.Random(4)  # noqa: S311 - not for secrets
    written: list[Appended] = []
    naive: list[int] = []
    finished = asyncio.Event()

    async def write(connection: asyncpg.Connection) -> None:
        for _ in range(80):
            await append_slowly(connection, chance, written)

    async def read_by_position_alone(connection: asyncpg.Connection) -> None:
        while not finished.is_set():
            rows = await connection.fetch(
                "SELECT position FROM event_store.events WHERE position > $1 ORDER BY position",
                naive[-1] if naive else 0,
            )
            naive.extend(row["position"] for row in rows)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read_by_position_alone(await connect()))]
    async with closing(busy_reader.subscribe(page_size=7)) as pages:
        subscription = asyncio.create_task(collect(pages, finished, store))
        await asyncio.gather(*[write(await connect()) for _ in range(8)])
        finished.set()
        await noted(store, stream("last", "other"), "x")
        seen = await asyncio.wait_for(subscription, 30)
    await asyncio.wait(readers)

    stored = await read_back(store)
    assert [one.id for one in seen] == [one.id for one in stored]
    assert {one.cursor for one in seen} >= {appended.cursor for appended in written}
    revisions: dict[str, list[int]] = {}
    for one in seen:
        revisions.setdefault(one.stream, []).append(one.revision)
    for got in revisions.values():
        assert got == list(range(len(got)))
    # The guard can go red: the obvious cursor did lose events in the same run.
    assert len(naive) < len(stored) - 1


async def collect(
    pages: AsyncIterator[Page], finished: asyncio.Event, store: EventStore
) -> list[RecordedEvent]:
    seen: list[RecordedEvent] = []
    async for page in pages:
        seen += page.events
        if finished.is_set() and page.cursor >= await store.position():
            return seen
    raise AssertionError("a subscription never ends")


async def test_a_cursor_of_positions_would_lose_what_commits_late(
    store: PostgresEventStore, connect: Connect
) -> None:
    slow = await connect()
    transaction = slow.transaction()
    await transaction.start()
    await append_one(slow, Request(stream("slow"), [event(b"slow")], NO_STREAM))
    await noted(store, stream("quick"), "quick")

    naive = "SELECT data, position FROM event_store.events WHERE position > $1 ORDER BY position"
    other = await connect()
    first = await other.fetch(naive, 0)
    pages = [page async for page in store.read_all()]
    assert [page.events for page in pages] == [()]
    await transaction.commit()

    second = await other.fetch(naive, first[-1]["position"])
    assert [row["data"] for row in (*first, *second)] == [b"quick"]  # slow is lost
    assert texts(await read_back(store, pages[-1].cursor)) == ["slow", "quick"]


async def test_a_transaction_that_began_early_keeps_the_order_of_its_stream(
    store: PostgresEventStore, connect: Connect
) -> None:
    early = await connect()
    transaction = early.transaction()
    await transaction.start()
    early_id = await early.fetchval("SELECT pg_current_xact_id()::text::bigint")
    first = await noted(store, stream("a"), "first")
    assert first.cursor.major > early_id
    second = await append_one(early, Request(stream("a"), [event(b"second")], 0))
    await transaction.commit()
    assert second.cursor > first.cursor
    assert texts(await read_back(store)) == ["first", "second"]


async def test_the_position_counts_what_the_horizon_still_hides(
    store: PostgresEventStore, connect: Connect
) -> None:
    slow = await connect()
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute("SELECT pg_current_xact_id()")
    appended = await noted(store, stream("a"), "hidden")
    assert await store.position() == appended.cursor
    [page] = [page async for page in store.read_all()]
    assert (page.cursor, page.caught_up) == (START, True)
    lag = await store.horizon_lag()
    assert lag.events == 1
    assert lag.transactions >= 2
    assert lag.seconds > 0
    await transaction.rollback()
    assert (await store.horizon_lag())[::2] == (0, 0)


async def test_a_subscription_soon_sees_what_the_horizon_hid(
    store: PostgresEventStore, connect: Connect
) -> None:
    slow = await connect()
    async with closing(store.subscribe()) as pages:
        assert (await anext(pages)).caught_up
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("SELECT pg_current_xact_id()")
        appended = await noted(store, stream("a"), "hidden")
        following = asyncio.create_task(take(pages, appended.cursor))
        await asyncio.sleep(0.05)
        assert not following.done()
        await transaction.rollback()  # rings no bell, and the next poll is ten seconds away
        assert texts((await asyncio.wait_for(following, 5))[0]) == ["hidden"]


# Subscriptions that share a reader, and readers that share a statement


class Counting:
    """A pool that keeps what is asked through it, and the ids of the events that came."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.fetched, self.events = pool, list[str](), list[UUID]()

    def is_closing(self) -> bool:
        return self.pool.is_closing()

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        self.fetched.append(" ".join(statement.split()))
        rows = await self.pool.fetch(statement, *values)
        self.events += [row["id"] for row in rows if row.get("id") is not None]
        return rows


async def test_what_is_new_is_fetched_once_for_all_subscriptions(
    store: PostgresEventStore, pool: Pool
) -> None:
    counting = Counting(pool)
    store._pool = store._tail._pool = cast(Pool, counting)
    async with AsyncExitStack() as opened:
        followers = [
            await opened.enter_async_context(closing(store.subscribe(after=after)))
            for after in [START] * 5
        ]
        for follower in followers:
            assert (await anext(follower)).caught_up
        assert counting.events == []
        appended = await noted(store, stream("a"), "one", "two")
        for follower in followers:
            assert texts((await take(follower, appended.cursor))[0]) == ["one", "two"]
    # The tail may look more often than something is new; what is new comes over once.
    assert len(counting.events) == len(set(counting.events)) == 2
    assert store._tail._reading is None


async def test_a_slow_subscription_is_let_go_and_holds_up_nobody(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_store.postgres.tail._MOST_EVENTS", 10)
    monkeypatch.setattr("event_store.postgres.tail._WAVE", 4)
    async with closing(store.subscribe()) as slow, closing(store.subscribe(page_size=3)) as quick:
        assert (await anext(slow)).caught_up
        assert (await anext(quick)).caught_up
        first = asyncio.ensure_future(anext(slow))
        for round_ in range(2):
            many = [f"{round_}/{number}" for number in range(50)]
            for text in many:
                await noted(store, stream(text), text)
            last = await store.position()
            # The quick one has it all before the slow one looks.
            assert texts((await take(quick, last))[0]) == many
            assert len(store._tail._feeds) == 1
            begun = await first if round_ == 0 else await anext(slow)
            rest = [] if begun.cursor >= last else (await take(slow, last))[0]
            assert texts([*begun.events, *rest]) == many


async def test_a_subscription_from_further_on_gets_only_what_is_behind(
    store: PostgresEventStore,
) -> None:
    first = await noted(store, stream("a"), "one", "two")
    async with closing(store.subscribe()) as behind:
        assert texts((await take(behind, first.cursor))[0]) == ["one", "two"]
        second = await noted(store, stream("b"), "three")
        async with closing(store.subscribe(after=second.cursor)) as ahead:
            assert (await anext(ahead)).events == ()
            third = await noted(store, stream("c"), "four")
            assert texts((await take(ahead, third.cursor))[0]) == ["four"]
        assert texts((await take(behind, third.cursor))[0]) == ["three", "four"]


async def test_a_page_says_now_and_then_what_the_filter_has_hidden(
    store: PostgresEventStore,
) -> None:
    where = EventFilter(families=frozenset({"Ended"}))
    async with closing(store.subscribe(where=where)) as pages:
        assert (await anext(pages)).caught_up
        for number in range(20):
            await noted(store, stream(str(number)), "hidden")
            await asyncio.sleep(0.005)
        page = await asyncio.wait_for(anext(pages), 5)
        assert (page.events, page.caught_up) == ([], True)
        assert START < page.cursor <= await store.position()
        await store.append(stream("a"), [event(name="Ended.v1")], expected=NO_STREAM)
        page = await asyncio.wait_for(anext(pages), 5)
        assert [event.type for event in page.events] == ["Ended.v1"]


async def test_large_news_come_a_few_megabytes_at_a_time(
    store: PostgresEventStore, pool: Pool
) -> None:
    large = [event(bytes([number]) * 1_000_000) for number in range(20)]
    async with closing(store.subscribe()) as pages:
        assert (await anext(pages)).caught_up
        await store.append(stream("a"), large, expected=NO_STREAM)
        await noted(store, stream("b"), "last")
        found, _ = await take(pages, await store.position())
    assert [one.id for one in found[:20]] == [one.id for one in large]
    assert texts(found[20:]) == ["last"]
    waves, after = [], START
    while (wave := await news(pool, after, 500)).events:
        waves.append(len(wave.events))
        assert wave.is_full == (len(waves) < 3)
        after = wave.cursor
    assert waves == [8, 8, 5]


async def test_a_connection_that_listened_goes_back_as_it_came(database: str) -> None:
    async with await open_pool(database, min_size=1, max_size=2) as pool:
        store = await PostgresEventStore.open(pool)
        async with closing(store.subscribe()) as pages:
            await anext(pages)
            await asyncio.sleep(0.05)
        await store.close()
        async with pool.acquire() as one, pool.acquire() as other:
            for connection in (one, other):
                assert not connection._con._termination_listeners  # type: ignore[attr-defined]  # nobody else tells


async def test_a_closed_store_ends_its_subscriptions(store: PostgresEventStore) -> None:
    async with closing(store.subscribe()) as pages:
        assert (await anext(pages)).caught_up
        waiting = asyncio.ensure_future(anext(pages))
        await asyncio.sleep(0.01)
        await store.close()
        with pytest.raises(StoreUnavailable):
            await waiting


async def test_readers_that_meet_share_a_statement_and_do_not_share_a_failure(
    store: PostgresEventStore, pool: Pool
) -> None:
    for number in range(10):
        await noted(store, stream(str(number)), str(number))
    counting = Counting(pool)
    store._reads._pool = cast(Pool, counting)
    readers = [asyncio.create_task(history(store, stream(str(number)))) for number in range(10)]
    await asyncio.sleep(0)
    readers[5].cancel()
    await asyncio.wait(readers)
    assert readers[5].cancelled()
    others = [reader.result() for reader in readers if not reader.cancelled()]
    assert [texts(read) for read in others] == [[str(n)] for n in range(10) if n != 5]
    assert len(counting.fetched) == 2
    answers = await asyncio.gather(
        *(history(store, stream(key)) for key in ("1", "2", "im\0possible", "3")),
        return_exceptions=True,
    )
    assert isinstance(answers[2], asyncpg.DataError)
    assert [texts(answers[place]) for place in (0, 1, 3)] == [["1"], ["2"], ["3"]]  # type: ignore[arg-type]  # not the failed one


# Appends that travel together


async def test_appends_that_meet_are_one_commit(store: PostgresEventStore, pool: Pool) -> None:
    await asyncio.gather(*(noted(store, stream(str(index)), "a", "b") for index in range(50)))
    commits = await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM event_store.events")
    assert commits == 2  # the first went at once


async def test_an_append_that_cannot_be_stored_harms_no_other(store: PostgresEventStore) -> None:
    outcomes = await asyncio.gather(
        *(
            store.append(
                stream(str(index)),
                [event(name="not\x00text" if index == 20 else "Noted.v1")],
                expected=NO_STREAM,
            )
            for index in range(40)
        ),
        return_exceptions=True,
    )
    failed = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, Appended)]
    assert failed == [20]
    assert isinstance(outcomes[20], asyncpg.DataError)
    assert len(await read_back(store)) == 39


async def test_an_id_is_in_the_store_once_and_others_beside_it_are_not_harmed(
    store: PostgresEventStore,
) -> None:
    one = event()
    await store.append(stream("a"), [one], expected=NO_STREAM)
    with pytest.raises(IdempotencyViolation):
        await store.append(stream("b"), [one], expected=NO_STREAM)
    outcomes = await asyncio.gather(
        *(
            store.append(stream(f"c{index}"), [one if index == 7 else event()], expected=NO_STREAM)
            for index in range(20)
        ),
        return_exceptions=True,
    )
    failed = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, Appended)]
    assert failed == [7]
    assert isinstance(outcomes[7], IdempotencyViolation)
    assert await history(store, stream("b")) == []


async def test_large_appends_that_meet_go_in_several_batches(
    store: PostgresEventStore, pool: Pool
) -> None:
    big = bytes(900_000)
    await asyncio.gather(
        *(store.append(stream(str(index)), [event(big)], expected=NO_STREAM) for index in range(13))
    )
    commits = await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM event_store.events")
    assert commits == 4  # the first, then at most four megabytes at a time


# When things break


async def end_all(pool: Pool, *, but: str = "nobody") -> None:
    """End every other connection to the database."""
    async with pool.acquire() as connection:
        await connection.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> $1""",
            but,
        )


async def noted_in_the_end(store: EventStore, key: str) -> None:
    batch = [event(text) for text in (b"a", b"b", b"c")]
    for _ in range(20):
        with contextlib.suppress(StoreUnavailable):
            await store.append(stream(key), batch, expected=NO_STREAM)
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the store does not come back")


async def end(store: EventStore) -> Cursor:
    for _ in range(20):
        with contextlib.suppress(StoreUnavailable):
            return await store.position()
    raise AssertionError("the store does not come back")


async def test_a_subscription_survives_lost_connections(
    store: PostgresEventStore, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with closing(store.subscribe(page_size=2)) as pages:
        assert (await anext(pages)).caught_up
        for round_ in range(3):
            await end_all(pool)
            await noted_in_the_end(store, str(round_))
            assert texts((await take(pages, await end(store)))[0]) == ["a", "b", "c"]


async def test_an_append_on_a_lost_connection_is_unavailable_and_the_next_one_works(
    store: PostgresEventStore, connect: Connect, pool: Pool
) -> None:
    await noted(store, stream("a"), "first")
    holder = await connect()
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT FROM event_store.streams FOR UPDATE")
    waiting = [
        asyncio.create_task(noted(store, name, "x", expected=expected))
        for name, expected in ((stream("a"), 0), (stream("b"), NO_STREAM), (stream("c"), NO_STREAM))
    ]
    await asyncio.sleep(0.1)
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    )
    lost, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(lost, StoreUnavailable)
    assert all(isinstance(other, Appended) for other in others)
    await transaction.rollback()
    assert (await noted(store, stream("a"), "second", expected=0)).revision == 1


class Mute:
    """A pool on which no wake-up can be sent or heard."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def execute(self, statement: str) -> str:
        self.refused.append(statement)
        raise asyncpg.InsufficientResourcesError("no room in the queue")

    def acquire(self) -> None:
        self.refused.append("LISTEN")
        raise asyncpg.TooManyConnectionsError("none left")


async def test_a_failing_wake_up_stops_nobody(
    store: PostgresEventStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    mute = Mute()
    store._wakeups._pool = cast(Pool, mute)
    async with closing(store.subscribe()) as pages:
        for index in range(3):
            appended = await noted(store, stream(str(index)), "x")
            await take(pages, appended.cursor)
            await asyncio.sleep(0.03)
    assert mute.refused.count("NOTIFY event_store") == 3
    assert "LISTEN" in mute.refused


async def test_polling_finds_what_no_wake_up_announced(pool: Pool, connect: Connect) -> None:
    polling = await PostgresEventStore.open(pool, poll_seconds=0.05)
    async with closing(polling.subscribe()) as pages:
        assert (await anext(pages)).caught_up
        appended = await append_one(
            await connect(), Request(stream("a"), [event(b"quiet")], NO_STREAM)
        )
        assert texts((await take(pages, appended.cursor))[0]) == ["quiet"]


async def test_closing_waits_for_what_is_out_and_what_waits_and_lets_nothing_more_begin(
    store: PostgresEventStore, pool: Pool, connect: Connect
) -> None:
    await noted(store, stream("a"), "x")
    holder = await connect()
    async with holder.transaction():
        await holder.execute("SELECT FROM event_store.streams FOR UPDATE")
        lone = asyncio.create_task(noted(store, stream("a"), "y", expected=0))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(noted(store, stream("b"), "z"))
        await asyncio.sleep(0)
        ending = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        assert not ending.done()
        with pytest.raises(StoreUnavailable):
            await noted(store, stream("c"), "late")
    await ending
    assert lone.done()
    assert waiting.done()
    assert pool.get_size() == pool.get_idle_size()
    assert len(await history(store, stream("a"))) == 2
    assert len(await history(store, stream("b"))) == 1


async def test_a_closed_pool_ends_everything_as_unavailable(database: str) -> None:
    pool = await open_pool(database)
    store = await PostgresEventStore.open(pool, poll_seconds=0.01)
    await noted(store, stream("a"), "x")
    await store.close()
    await pool.close()
    with pytest.raises(StoreUnavailable):
        await noted(store, stream("b"), "x")
    with pytest.raises(StoreUnavailable):
        await store.position()
    with pytest.raises(StoreUnavailable):
        await history(store, stream("a"))
    with pytest.raises(StoreUnavailable):
        async for _ in store.subscribe():
            pass


async def test_a_reader_that_leaves_early_leaves_nothing_behind(
    store: PostgresEventStore, pool: Pool
) -> None:
    await noted(store, stream("a"), *map(str, range(50)))
    async with closing(store.read_all(page_size=5)) as pages:
        assert len((await anext(pages)).events) == 5
    assert len(await read_back(store)) == 50


# Schema


async def test_processes_that_start_together_make_one_schema(database: str) -> None:
    async with AsyncExitStack() as opened:
        pools = [await opened.enter_async_context(await open_pool(database)) for _ in range(5)]
        stores = await asyncio.gather(*(PostgresEventStore.open(pool) for pool in pools))
        await noted(stores[0], stream("a"), "x")
        await PostgresEventStore.open(pools[1])
        assert len(await history(stores[4], stream("a"))) == 1
        await stores[0].close()


async def test_connections_of_the_pool_never_idle_in_a_transaction_for_ever(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await open_pool(database) as pool:
        await PostgresEventStore.open(pool)
        for setting, value in SERVER_SETTINGS.items():
            assert await pool.fetchval("SELECT current_setting($1)", setting) == value
    assert caplog.messages == []
    async with asyncpg.create_pool(
        database, server_settings={"idle_in_transaction_session_timeout": "0"}
    ) as pool:
        await PostgresEventStore.open(pool)
    assert "idle_in_transaction_session_timeout is off" in caplog.messages[0]


async def test_a_store_restored_into_a_younger_server_goes_on_behind_its_old_order(
    store: PostgresEventStore, pool: Pool
) -> None:
    old = [await noted(store, stream(str(index)), "old") for index in range(3)]
    # As if the old server had counted ten million transactions more.
    await pool.execute("UPDATE event_store.events SET order_key = order_key + 10000000")
    await pool.execute("UPDATE event_store.streams SET last_order_key = last_order_key + 10000000")
    assert await read_back(store) == []  # what rebase is for
    with pytest.raises(NeedsRebase):
        await PostgresEventStore.open(pool)

    base = await rebase(pool)
    assert base > 0
    assert await rebase(pool) == base
    restored = [
        Cursor(appended.cursor.major + 10_000_000, appended.cursor.minor) for appended in old
    ]
    assert [one.cursor for one in await read_back(store)] == restored
    new = [
        await noted(store, stream("0"), "new", expected=0),
        await noted(store, stream("new"), "new"),
    ]
    assert restored < [appended.cursor for appended in new]
    assert texts(await read_back(store, restored[-1])) == ["new", "new"]
    await PostgresEventStore.open(pool)
    assert len(await read_back(store)) == 5


async def test_a_store_that_was_not_restored_needs_no_rebase(
    store: PostgresEventStore, pool: Pool
) -> None:
    await noted(store, stream("a"), "x")
    assert await rebase(pool) == 0

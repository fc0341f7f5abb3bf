"""The projection runner over a real database: pages, checkpoints, take-over, poison, rebuild, verification."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
from typing_extensions import override

from event_store import (
    EVERYTHING,
    START,
    Appended,
    Codec,
    Cursor,
    EventFilter,
    Metadata,
    NewEvent,
    Page,
    StreamName,
)
from event_store.codec import Past, encode_metadata
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore
from privacy.errors import KeyUnavailable
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from read_models import (
    Fact,
    InvalidPageCursor,
    Opened,
    ProjectionRunner,
    Queries,
    RebuildRunning,
    View,
    Views,
    create_views,
    digest,
    purge,
    rebuild,
    verify,
)
from read_models.checkpoints import Lost, move
from vocabulary.ids import TenantId
from vocabulary.sealed import Sealed

NAMESPACE = UUID("0190f6a0-0000-7000-8000-00000000000a")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PATIENT = UUID("0190f6a0-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposited:
    account: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    source: str
    target: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    account: str
    name: Sealed[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDeposited:
    account: str
    roubles: int


Event = Deposited | Transferred | Closed | Named
CODEC: Codec[Event] = Codec(
    {
        Deposited: "Deposited.v2",
        Transferred: "Transferred.v1",
        Closed: "Closed.v1",
        Named: "Named.v1",
    },
    {
        "Deposited.v1": Past(
            OldDeposited, lambda old: Deposited(account=old.account, amount=old.roubles * 100)
        )
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    tenant: str
    account: str
    balance: int = 0
    events: int = 0
    patient_id: UUID = PATIENT
    sealed_name: Sealed[str] | None = None
    name: str | None = None


def project(row: Account | None, event: Event, fact: Fact) -> Account | None:
    row = row or Account(tenant=fact.tenant, account=fact.key[1])
    match event:
        case Deposited():
            return replace(row, balance=row.balance + event.amount, events=row.events + 1)
        case Transferred():
            change = event.amount if fact.key[1] == event.target else -event.amount
            return replace(row, balance=row.balance + change, events=row.events + 1)
        case Named():
            return replace(row, sealed_name=event.name)
        case Closed():
            return None


def own_key(event: Deposited | Closed | Named, fact: Fact) -> list[tuple[str, str]]:
    return [(fact.tenant, event.account)]


ACCOUNTS: View[Account] = View(
    name="accounts",
    version=1,
    row=Account,
    key=("tenant", "account"),
    indexes=(("tenant", "balance"),),
    events={
        Deposited: own_key,
        Closed: own_key,
        Transferred: lambda e, fact: [(fact.tenant, e.source), (fact.tenant, e.target)],
    },
    project=project,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    tenant: str
    deposited: int


def picky(row: Total | None, event: Deposited, fact: Fact) -> Total:
    if event.amount == 13:
        raise ArithmeticError("no")
    return Total(tenant=fact.tenant, deposited=event.amount + (row.deposited if row else 0))


TOTALS: View[Total] = View(
    name="totals",
    version=1,
    row=Total,
    key=("tenant",),
    events={Deposited: lambda _, fact: [(fact.tenant,)]},
    project=picky,
)
VIEWS: Sequence[View[Any]] = (ACCOUNTS, TOTALS)


class Bank:
    """Writes events into a store."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.count = 0

    async def raw(self, kind: str, data: bytes, *, tenant: str = "north") -> Cursor:
        self.count += 1
        metadata = Metadata(
            tenant=tenant, actor="test", role="service", time=NOON, correlation=NAMESPACE
        )
        event = NewEvent(uuid5(NAMESPACE, str(self.count)), kind, data, encode_metadata(metadata))
        stream = StreamName("account", tenant, str(self.count))
        appended: Appended = await self.store.append(stream, [event], expected=-1)
        return appended.cursor

    async def add(self, *events: Event, tenant: str = "north") -> Cursor:
        cursor = Cursor(0, 0)
        for event in events:
            cursor = await self.raw(*CODEC.encode(event), tenant=tenant)
        return cursor


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=2, max_size=12) as opened:
        yield opened


@pytest.fixture(params=["memory", "postgres"])
async def bank(
    request: pytest.FixtureRequest, pool: "asyncpg.Pool[asyncpg.Record]"
) -> AsyncIterator[Bank]:
    if request.param == "memory":
        yield Bank(MemoryEventStore())
        return
    store = await PostgresEventStore.open(pool, poll_seconds=0.05)
    yield Bank(store)
    await store.close()


@asynccontextmanager
async def running(runner: ProjectionRunner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def deposit(amount: int, account: str = "a") -> Deposited:
    return Deposited(account=account, amount=amount)


async def balances(pool: "asyncpg.Pool[asyncpg.Record]", tenant: str = "north") -> dict[str, int]:
    rows = await Queries(pool).all(ACCOUNTS, "tenant = $1", tenant)
    return {row.account: row.balance for row in rows}


async def test_a_view_is_the_fold_of_its_events(pool: Any, bank: Bank) -> None:
    await bank.add(
        deposit(5),
        deposit(7, "b"),
        Transferred(source="b", target="a", amount=3),
        deposit(1, "gone"),
        Closed(account="gone"),
        Closed(account="never there"),
    )
    await bank.add(deposit(100), tenant="south")
    await bank.raw("Deposited.v1", b'{"account": "a", "roubles": 2}')
    await bank.raw("SomethingElse.v9", b"{}")
    runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS, page_size=3)
    await runner.drain()
    assert await balances(pool) == {"a": 208, "b": 4}
    assert await balances(pool, "south") == {"a": 100}
    assert await Queries(pool).one(TOTALS, tenant="north") == Total(tenant="north", deposited=213)
    await bank.add(Closed(account="b"))
    await runner.drain()
    assert await balances(pool) == {"a": 208}


@pytest.mark.requirement("OPS-01")
async def test_a_new_worker_goes_on_where_the_last_one_stopped(pool: Any, bank: Bank) -> None:
    await bank.add(deposit(5))
    await ProjectionRunner(pool, bank.store, CODEC, VIEWS).drain()
    await bank.add(deposit(6))
    await ProjectionRunner(pool, bank.store, CODEC, VIEWS).drain()
    assert await balances(pool) == {"a": 11}


async def test_what_was_written_is_read_after_waiting(pool: Any, bank: Bank) -> None:
    runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS)
    here, elsewhere = Views(pool, VIEWS, runner=runner), Views(pool, VIEWS)
    async with running(runner):
        await runner.caught_up()
        cursor = Cursor(0, 0)
        for amount in range(1, 6):
            cursor = await bank.add(deposit(1))
            assert await here.wait_for(cursor, 5)
            assert await elsewhere.wait_for(str(cursor), 5, names=["accounts"])
            assert await balances(pool) == {"a": amount}
        beyond = Cursor(cursor.major + 10**9, 0)
        assert not await here.wait_for(beyond, 0.05)
        assert not await elsewhere.wait_for(beyond, 0.05)


async def test_the_work_goes_on_when_the_lock_is_lost(pool: Any, bank: Bank) -> None:
    first = ProjectionRunner(pool, bank.store, CODEC, VIEWS, standby_seconds=0.05)
    second = ProjectionRunner(pool, bank.store, CODEC, VIEWS, standby_seconds=0.05)
    views = Views(pool, VIEWS)
    async with running(first):
        await first.caught_up()
        async with running(second):
            cursor = await bank.add(*(deposit(1) for _ in range(20)))
            assert await views.wait_for(cursor, 5)
            assert {status.state for status in second.status()} == {"standby"}
            before = await _lock_holders(pool)
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", before
            )
            async with asyncio.timeout(10):
                while set(await _lock_holders(pool)) <= set(before):  # noqa: ASYNC110 - the server's
                    await asyncio.sleep(0.01)
            cursor = await bank.add(deposit(1))
            assert await views.wait_for(cursor, 10)
            assert await balances(pool) == {"a": 21}


async def test_a_standby_takes_over_when_the_worker_stops(pool: Any, bank: Bank) -> None:
    first = ProjectionRunner(pool, bank.store, CODEC, VIEWS, standby_seconds=0.05)
    second = ProjectionRunner(pool, bank.store, CODEC, VIEWS, standby_seconds=0.05)
    leading = asyncio.create_task(first.run())
    await first.caught_up()
    async with running(second):
        leading.cancel()
        cursor = await bank.add(deposit(1))
        assert await Views(pool, VIEWS, runner=second).wait_for(cursor, 10)
        async with asyncio.timeout(5):
            await second.caught_up()
    assert await balances(pool) == {"a": 1}


async def test_a_runner_that_crashed_projects_again_when_it_is_started_again(pool: Any) -> None:
    class Torn(MemoryEventStore):
        torn = False

        @override
        def subscribe(
            self, *, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
        ) -> AsyncIterator[Page]:
            if not self.torn:
                self.torn = True
                raise RuntimeError("nobody foresaw this")
            return super().subscribe(after=after, where=where, page_size=page_size)

    bank = Bank(Torn())
    runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS, standby_seconds=0.05)
    with pytest.raises(ExceptionGroup, match="unhandled"):
        await runner.run()
    cursor = await bank.add(deposit(3))
    async with running(runner):
        assert await Views(pool, VIEWS, runner=runner).wait_for(cursor, 5)
    assert await balances(pool) == {"a": 3}


async def _lock_holders(pool: Any) -> list[int]:
    found = await pool.fetch(
        "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    )
    return [pid for (pid,) in found]


async def test_two_that_project_at_once_never_count_twice(pool: Any, bank: Bank) -> None:
    await bank.add(*(deposit(1, str(n % 7)) for n in range(200)))

    async def worker() -> None:
        runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS, page_size=10)
        while True:
            with suppress(Lost):
                return await runner.drain()

    await asyncio.gather(*(worker() for _ in range(3)))
    assert sum((await balances(pool)).values()) == 200


async def test_a_poison_event_stops_its_view_and_no_other(pool: Any, bank: Bank) -> None:
    runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS)
    views = Views(pool, VIEWS, runner=runner)
    await bank.add(deposit(1), deposit(2), deposit(13), deposit(4))
    async with running(runner):
        await runner.caught_up()
        cursor = await bank.add(deposit(5))
        assert await views.wait_for(cursor, 5, names=["accounts"])
        assert not await views.wait_for(cursor, 0.05)
        accounts, totals = runner.status()
        assert accounts.state == "live"
        assert totals.state == "failed"
        assert totals.failure == f"event {uuid5(NAMESPACE, '3')} (Deposited.v2): ArithmeticError"
    assert await balances(pool) == {"a": 25}
    assert await Queries(pool).one(TOTALS, tenant="north") == Total(tenant="north", deposited=3)
    kept = await pool.fetchval("SELECT failure FROM views.checkpoint WHERE name = 'totals'")
    assert kept == totals.failure

    mended = replace(TOTALS, project=lambda row, event, fact: Total(tenant="north", deposited=99))
    await ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS, mended]).drain()
    assert await Queries(pool).one(TOTALS, tenant="north") == Total(tenant="north", deposited=99)
    assert await pool.fetchval("SELECT count(failure) FROM views.checkpoint") == 0


async def test_a_view_that_failed_goes_on_when_it_was_rebuilt(pool: Any, bank: Bank) -> None:
    mended = False

    def project(row: Total | None, event: Deposited, fact: Fact) -> Total:
        return picky(row, replace(event, amount=14) if mended else event, fact)

    totals = replace(TOTALS, project=project)
    runner = ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS, totals], standby_seconds=0.05)
    views = Views(pool, [ACCOUNTS, totals], runner=runner)
    async with running(runner):
        await runner.caught_up()
        cursor = await bank.add(deposit(1), deposit(13))
        assert await views.wait_for(cursor, 10, names=["accounts"])
        assert [status.state for status in runner.status()] == ["live", "failed"]
        await asyncio.sleep(0.2)
        assert [status.state for status in runner.status()] == ["live", "failed"]
        mended = True
        await rebuild(pool, bank.store, CODEC, totals)
        cursor = await bank.add(deposit(2))
        assert await views.wait_for(cursor, 10)
        assert [status.state for status in runner.status()] == ["live", "live"]
        assert runner.status()[1].failure is None
    assert await Queries(pool).one(TOTALS, tenant="north") == Total(tenant="north", deposited=42)
    assert await balances(pool) == {"a": 16}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Deposited.v2", b'{"account": 5}'),
        ("Deposited.v3", b'{"newer": true}'),
        ("Deposited.v2", b'{"account": "\\u0000", "amount": 1}'),
        ("Deposited.v2", b'{"account": "a", "amount": 9223372036854775808}'),
    ],
)
async def test_what_cannot_be_read_or_kept_is_never_passed_over(
    pool: Any, kind: str, data: bytes
) -> None:
    bank = Bank(MemoryEventStore())
    await bank.add(deposit(1))
    await bank.raw(kind, data)
    await bank.add(deposit(2))
    runner = ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS])
    with pytest.raises(RuntimeError, match=str(uuid5(NAMESPACE, "2"))):
        await runner.drain()
    assert await balances(pool) == {"a": 1}


async def test_a_row_under_another_key_stops_the_view(pool: Any) -> None:
    bank = Bank(MemoryEventStore())
    await bank.add(deposit(1))
    wrong = replace(ACCOUNTS, project=lambda *_: Account(tenant="north", account="other"))
    with pytest.raises(RuntimeError, match="ValueError"):
        await ProjectionRunner(pool, bank.store, CODEC, [wrong]).drain()


@pytest.mark.requirement("OPS-04")
async def test_a_rebuilt_view_takes_the_place_of_a_wrong_one(pool: Any, bank: Bank) -> None:
    await bank.add(*(deposit(n, str(n % 5)) for n in range(1, 100) if n != 13))
    runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS)
    views = Views(pool, VIEWS, runner=runner)
    async with running(runner):
        await runner.caught_up()
        right = await digest(pool, ACCOUNTS)
        await pool.execute("UPDATE views.accounts_v1 SET balance = 0 WHERE account = '3'")
        await pool.execute("DELETE FROM views.accounts_v1 WHERE account = '4'")
        assert await digest(pool, ACCOUNTS) != right
        told: list[int] = []
        await rebuild(pool, bank.store, CODEC, ACCOUNTS, progress=told.append)
        assert told[-1] == 98
        assert await digest(pool, ACCOUNTS) == right
        cursor = await bank.add(deposit(1, "4"))
        assert await views.wait_for(cursor, 10)
    assert (await verify(pool, bank.store, CODEC, ACCOUNTS)).same
    assert (await balances(pool))["4"] == sum(range(4, 100, 5)) + 1
    leftovers = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'views'")
    assert {name for (name,) in leftovers} == {"accounts_v1", "totals_v1", "checkpoint"}


async def test_verification_names_the_first_key_that_differs(pool: Any, bank: Bank) -> None:
    await bank.add(*(deposit(n, f"{n:02}") for n in range(20)))
    await ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS]).drain()
    checked = await verify(pool, bank.store, CODEC, ACCOUNTS)
    assert checked.same
    assert checked.live == checked.rebuilt == await digest(pool, ACCOUNTS)
    assert checked.difference is None

    await pool.execute("UPDATE views.accounts_v1 SET balance = -1 WHERE account IN ('07', '11')")
    difference = (await verify(pool, bank.store, CODEC, ACCOUNTS)).difference
    assert difference is not None
    assert difference.key == ("north", "07")
    assert isinstance(difference.live, Account)
    assert isinstance(difference.rebuilt, Account)
    assert (difference.live.balance, difference.rebuilt.balance) == (-1, 7)

    await pool.execute("DELETE FROM views.accounts_v1 WHERE account = '05'")
    difference = (await verify(pool, bank.store, CODEC, ACCOUNTS)).difference
    assert difference is not None
    assert (difference.key, difference.live) == (("north", "05"), None)

    await pool.execute(
        "INSERT INTO views.accounts_v1 (tenant, account, balance, events, patient_id) "
        "VALUES ('east', 'x', 1, 1, $1)",
        PATIENT,
    )
    difference = (await verify(pool, bank.store, CODEC, ACCOUNTS)).difference
    assert difference is not None
    assert (difference.key, difference.rebuilt) == (("east", "x"), None)


async def test_verification_compares_at_one_position_while_the_view_moves(
    pool: Any, bank: Bank
) -> None:
    runner = ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS], page_size=5)

    async def write() -> None:
        for n in range(150):
            await bank.add(deposit(1, str(n % 3)))

    async with running(runner):
        await runner.caught_up()
        writing = asyncio.create_task(write())
        checks = [await verify(pool, bank.store, CODEC, ACCOUNTS) for _ in range(3)]
        await writing
    assert all(check.same for check in checks)


async def test_a_new_version_is_filled_while_the_old_one_serves(pool: Any, bank: Bank) -> None:
    await bank.add(*(deposit(1) for _ in range(30)))
    old = ProjectionRunner(pool, bank.store, CODEC, VIEWS)
    doubled = replace(
        ACCOUNTS,
        version=2,
        project=lambda row, event, fact: replace(
            row or Account(tenant="north", account="a"), balance=2 + (row.balance if row else 0)
        ),
    )
    new = ProjectionRunner(pool, bank.store, CODEC, [doubled, TOTALS], page_size=7)
    async with running(old):
        await old.caught_up()
        async with running(new):
            cursor = await bank.add(deposit(1))
            assert await Views(pool, [doubled]).wait_for(cursor, 5)
            assert await Views(pool, VIEWS).wait_for(cursor, 5)
            accounts, totals = new.status()
            assert (accounts.state, totals.state) == ("live", "standby")
    assert (await Queries(pool).all(doubled))[0].balance == 62
    assert await balances(pool) == {"a": 31}


async def test_an_old_version_goes_an_hour_after_the_new_one_came(pool: Any) -> None:
    newer = replace(ACCOUNTS, version=2)
    store = MemoryEventStore()
    old = ProjectionRunner(pool, store, CODEC, [ACCOUNTS], standby_seconds=0.02)
    new = ProjectionRunner(pool, store, CODEC, [newer], standby_seconds=0.02)
    tables = "SELECT relname::text FROM pg_class WHERE relname ~ '^accounts_v[0-9]$'"

    async def kept() -> set[str]:
        await asyncio.sleep(0.2)
        return {name for (name,) in await pool.fetch(tables)}

    async with running(new):
        async with running(old):
            await old.caught_up()
            await new.caught_up()
            assert await kept() == {"accounts_v1", "accounts_v2"}
            await pool.execute("UPDATE views.checkpoint SET filled_at = now() - interval '1 hour'")
            assert await kept() == {"accounts_v1", "accounts_v2"}, "somebody projects it"
        async with asyncio.timeout(10):
            while await kept() != {"accounts_v2"}:
                pass
    assert await pool.fetchval("SELECT count(*) FROM views.checkpoint") == 1


async def test_a_late_view_joins_the_others_without_losing_a_page(pool: Any, bank: Bank) -> None:
    await bank.add(*(deposit(1) for _ in range(100)))
    await ProjectionRunner(pool, bank.store, CODEC, [TOTALS]).drain()
    runner = ProjectionRunner(pool, bank.store, CODEC, VIEWS, page_size=3)
    views = Views(pool, VIEWS)
    async with running(runner):
        cursor = [await bank.add(deposit(1)) for _ in range(100)][-1]
        assert await views.wait_for(cursor, 10)
    assert await balances(pool) == {"a": 200}
    assert await Queries(pool).one(TOTALS, tenant="north") == Total(tenant="north", deposited=200)


PEOPLE = replace(
    ACCOUNTS,
    name="people",
    events={Named: own_key, Deposited: own_key},
    opened=(Opened("name", of="sealed_name", show=str.upper),),
    subject="patient_id",
)


async def test_personal_columns_are_opened_purged_and_stay_closed(pool: Any) -> None:
    bank, keyring = Bank(MemoryEventStore()), MemoryKeyring()
    sealers = Sealers(keyring)
    sealer = sealers.of(TenantId("north"))
    await bank.add(
        Named(account="a", name=await sealer.seal(PATIENT, "name", "Анна")),
        deposit(1),
        Named(account="b", name=None),
    )
    runner = ProjectionRunner(pool, bank.store, CODEC, [PEOPLE], opener=sealers)
    await runner.drain()
    db = Queries(pool)
    names = {row.account: row.name for row in await db.all(PEOPLE)}
    assert names == {"a": "АННА", "b": None}

    await bank.add(Named(account="a", name=await sealer.seal(PATIENT, "name", "Яна")), deposit(1))
    await runner.drain()
    await bank.add(deposit(1))
    await runner.drain()
    assert {row.account: row.name for row in await db.all(PEOPLE)} == {"a": "ЯНА", "b": None}

    await keyring.destroy(TenantId("north"), PATIENT)
    sealers.forget(TenantId("north"), PATIENT)
    assert await purge(pool, [PEOPLE, TOTALS], PATIENT) == 2
    await bank.add(deposit(1))
    await runner.drain()
    assert {row.name for row in await db.all(PEOPLE)} == {None}
    assert (await verify(pool, bank.store, CODEC, PEOPLE, opener=sealers)).same


class Ring(MemoryKeyring):
    """A keyring that can be away, and that can be asked what happens while it is asked."""

    def __init__(self, pool: Any) -> None:
        super().__init__()
        self.pool, self.away = pool, False
        self.writing: list[int] = []

    @override
    async def data_key(self, tenant: TenantId, subject: UUID) -> bytes:
        self.writing.append(
            await self.pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL "
                "AND datname = current_database()"
            )
        )
        if self.away:
            raise KeyUnavailable("away")
        return await super().data_key(tenant, subject)


async def test_no_transaction_is_open_while_a_key_is_fetched(pool: Any) -> None:
    bank, ring = Bank(MemoryEventStore()), Ring(pool)
    sealed = await Sealers(ring).of(TenantId("north")).seal(PATIENT, "name", "Анна")
    await bank.add(deposit(1), Named(account="a", name=sealed), deposit(13))
    opener = Sealers(ring)
    await ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS, PEOPLE], opener=opener).drain()
    await rebuild(pool, bank.store, CODEC, PEOPLE, opener=Sealers(ring))
    assert ring.writing == [0, 0, 0]
    assert [row.name for row in await Queries(pool).all(PEOPLE)] == ["АННА"]


async def test_keys_that_are_away_leave_behind_only_the_view_that_needs_them(
    pool: Any, bank: Bank
) -> None:
    ring = Ring(pool)
    sealed = await Sealers(ring).of(TenantId("north")).seal(PATIENT, "name", "Анна")
    every: Sequence[View[Any]] = (ACCOUNTS, PEOPLE)
    runner = ProjectionRunner(
        pool, bank.store, CODEC, every, opener=Sealers(ring), standby_seconds=0.05
    )
    views = Views(pool, every, runner=runner)
    async with running(runner):
        await runner.caught_up()
        ring.away = True
        await bank.add(deposit(1), Named(account="a", name=sealed))
        for _ in range(2):
            assert await views.wait_for(await bank.add(deposit(1)), 10, names=["accounts"])
        cursor = await bank.add(deposit(1))
        assert not await views.wait_for(cursor, 0.3)
        accounts, people = runner.status()
        assert accounts.state == "live"
        assert people.state in {"waiting", "filling"}
        ring.away = False
        assert await views.wait_for(cursor, 10)
        cursor = await bank.add(deposit(1))
        assert await views.wait_for(cursor, 10)
        assert [status.state for status in runner.status()] == ["live", "live"]
    (row,) = await Queries(pool).all(PEOPLE)
    assert (row.name, row.balance) == ("АННА", 5)


async def test_who_drains_is_told_that_keys_are_away(pool: Any) -> None:
    bank, ring = Bank(MemoryEventStore()), Ring(pool)
    sealed = await Sealers(ring).of(TenantId("north")).seal(PATIENT, "name", "Анна")
    await bank.add(Named(account="a", name=sealed))
    runner = ProjectionRunner(pool, bank.store, CODEC, [PEOPLE], opener=Sealers(ring))
    ring.away = True
    with pytest.raises(KeyUnavailable, match="people"):
        await runner.drain()
    ring.away = False
    await runner.drain()
    assert [row.name for row in await Queries(pool).all(PEOPLE)] == ["АННА"]


async def test_an_erased_person_stays_in_no_table_of_a_view(pool: Any) -> None:
    bank, keyring = Bank(MemoryEventStore()), MemoryKeyring()
    sealers = Sealers(keyring)
    sealed = await sealers.of(TenantId("north")).seal(PATIENT, "name", "Анна")
    await bank.add(Named(account="a", name=sealed))
    newer = replace(PEOPLE, version=2)
    for view in (PEOPLE, newer):
        await ProjectionRunner(pool, bank.store, CODEC, [view], opener=sealers).drain()
    await pool.execute("CREATE TABLE views.people_v2_rebuild AS SELECT * FROM views.people_v2")
    await keyring.destroy(TenantId("north"), PATIENT)
    sealers.forget(TenantId("north"), PATIENT)
    assert await purge(pool, [newer], PATIENT) == 3
    for table in ("people_v1", "people_v2", "people_v2_rebuild"):
        found = await pool.fetchval(f"SELECT count(name) FROM views.{table}")  # noqa: S608 - above
        assert found == 0, table


async def test_nobody_is_purged_beside_a_rebuild_that_could_bring_them_back(pool: Any) -> None:
    bank, sealers = Bank(MemoryEventStore()), Sealers(MemoryKeyring())
    sealed = await sealers.of(TenantId("north")).seal(PATIENT, "name", "Анна")
    await bank.add(Named(account="a", name=sealed))
    await ProjectionRunner(pool, bank.store, CODEC, [PEOPLE], opener=sealers).drain()
    filled, go_on = asyncio.Event(), asyncio.Event()

    class Slow(MemoryEventStore):
        @override
        async def read_all(self, **how: Any) -> AsyncIterator[Page]:
            async for page in bank.store.read_all(**how):
                yield page
            filled.set()
            await go_on.wait()

    rebuilding = asyncio.create_task(rebuild(pool, Slow(), CODEC, PEOPLE, opener=sealers))
    await filled.wait()
    try:
        with pytest.raises(RebuildRunning):
            await purge(pool, [PEOPLE], PATIENT)
    finally:
        go_on.set()
        await rebuilding
    assert await purge(pool, [PEOPLE], PATIENT) == 1
    assert await pool.fetchval("SELECT count(name) FROM views.people_v1") == 0


async def test_a_page_that_is_written_beside_a_purge_is_purged_too(pool: Any) -> None:
    await create_views(pool, [PEOPLE])
    async with pool.acquire() as connection, connection.transaction():
        await move(connection, [(PEOPLE, START)], Cursor(1, 1))
        await connection.execute(
            "INSERT INTO views.people_v1 (tenant, account, balance, events, patient_id, name) "
            "VALUES ('north', 'a', 0, 0, $1, 'Анна')",
            PATIENT,
        )
        purging = asyncio.create_task(purge(pool, [PEOPLE], PATIENT))
        await asyncio.wait([purging], timeout=0.3)
    assert await purging == 1


def test_opened_columns_need_somebody_who_opens_them(pool: Any) -> None:
    with pytest.raises(ValueError, match="people"):
        ProjectionRunner(pool, MemoryEventStore(), CODEC, [PEOPLE])


async def test_pages_follow_each_other_exactly(pool: Any) -> None:
    bank = Bank(MemoryEventStore())
    await bank.add(*(deposit(n // 3, f"{n:02}") for n in range(10)))
    await ProjectionRunner(pool, bank.store, CODEC, [ACCOUNTS]).drain()
    db = Queries(pool)
    for descending in (False, True):
        seen: list[str] = []
        after: str | None = None
        while True:
            page = await db.page(
                ACCOUNTS,
                "tenant = $1",
                "north",
                order=("balance", "account"),
                descending=descending,
                after=after,
                limit=3,
            )
            seen += [row.account for row in page.items]
            after = page.next
            if after is None:
                break
            assert len(page.items) == 3
        assert seen == sorted(seen, reverse=descending)
        assert len(seen) == 10
    for broken in (
        "x",
        "W10",
        "WyJhIiwgImIiXQ",
        "!",
        "é",
        {},
        {"balance": 1, "account": "a"},
        {"balance": "x", "account": "a"},
        {"balance": "1"},
    ):
        with pytest.raises(InvalidPageCursor):
            await db.page(ACCOUNTS, order=("balance", "account"), after=broken)

"""Deadlines through a real database: set by events, fired by the clock, refused, repeated, replaced, cancelled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typing_extensions import override

from decider import Decider, Rejection
from event_store import (
    Codec,
    CommandContext,
    CommandHandler,
    Metadata,
    StoreUnavailable,
    StreamName,
)
from event_store.memory import MemoryEventStore
from messaging import Dispatch
from read_models import ProjectionRunner, Queries, rebuild, verify
from read_models.tables import Table
from timers import Backlog, Deadline, Due, Elapsed, Timer, TimerWorker, timers_view

NAMESPACE = UUID("0190f6a0-0000-7000-8000-00000000000a")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    expires_at: datetime
    remind_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    planned: datetime


Event = Held | Booked | Expired | Reminded


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    expires_at: datetime
    remind_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind:
    planned: datetime


Command = Hold | Book | Expire | Remind
State = tuple[Event, ...]


class AlreadyBooked(Rejection):
    code = "ALREADY_BOOKED"


def decide(command: Command, state: State) -> list[Event]:
    match command:
        case Hold():
            return [Held(expires_at=command.expires_at, remind_at=command.remind_at)]
        case Book():
            return [Booked()]
        case Expire():
            if any(isinstance(event, Booked) for event in state):
                raise AlreadyBooked
            return [] if isinstance(state[-1], Expired) else [Expired(at=command.now)]
        case Remind():
            reminded = Reminded(planned=command.planned)
            return [] if reminded in state else [reminded]


DECIDER: Decider[Command, State, Event] = Decider(
    initial=(), decide=decide, evolve=lambda state, event: (*state, event)
)
CODEC: Codec[Event] = Codec(
    {Held: "Held.v1", Booked: "Booked.v1", Expired: "Expired.v1", Reminded: "Reminded.v1"}
)
EXPIRY = Deadline(
    name="hold_expiry",
    sets={Held: lambda event, fact: Due(key=fact.stream_key, at=event.expires_at)},
    cancels={Booked: lambda _, fact: fact.stream_key},
    fire=lambda elapsed: Dispatch(to="days", key=elapsed.key, command=Expire(now=elapsed.now)),
)
REMINDER = Deadline(
    name="reminder",
    sets={Held: lambda event, fact: [Due(key=fact.stream_key, at=event.remind_at)]},
    fire=lambda elapsed: [Dispatch(to="days", key=elapsed.key, command=Remind(planned=elapsed.at))],
)
DEADLINES = (EXPIRY, REMINDER)
VIEW = timers_view(DEADLINES)


class VirtualClock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


class Failing:
    """A handler whose store is away for a number of calls, or that is killed after its command went in."""

    def __init__(self, handler: CommandHandler[Command, State, Event]) -> None:
        self._handler = handler
        self.away = 0
        self.killed_after = False
        self.ids: list[UUID] = []

    async def handle(self, command: Command, *, key: object, context: CommandContext) -> object:
        self.ids.append(context.command_id)
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        handled = await self._handler.handle(command, key=key, context=context)
        if self.killed_after:
            raise asyncio.CancelledError
        return handled


@dataclass
class Clinic:
    """A service with timers."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        handler = CommandHandler(self.store, DECIDER, CODEC, "day")
        self.days = Failing(handler)
        self.runner = ProjectionRunner(self.pool, self.store, CODEC, [VIEW])
        self.commands = 0

    def worker(self, **settings: Any) -> TimerWorker:
        return TimerWorker(
            self.pool, VIEW, DEADLINES, app=self, service="booking", clock=self.clock, **settings
        )

    async def send(self, command: Command, key: str = "d1", tenant: str = "north") -> None:
        self.commands += 1
        context = CommandContext(
            command_id=uuid5(NAMESPACE, str(self.commands)),
            metadata=Metadata(
                tenant=tenant,
                actor="account:1",
                role="patient",
                subject="patient:1",
                time=self.clock.now(),
                correlation=NAMESPACE,
                traceparent=PARENT,
            ),
        )
        await self.days._handler.handle(command, key=key, context=context)
        await self.runner.drain()

    async def hold(self, *remind_at: datetime, key: str = "d1", tenant: str = "north") -> None:
        expires_at = self.clock.now() + 15 * MINUTE
        await self.send(Hold(expires_at=expires_at, remind_at=remind_at), key, tenant)

    async def facts(self, key: str = "d1", tenant: str = "north") -> list[Event]:
        state, _ = await self.days._handler.load(tenant=tenant, key=key)
        return [event for event in state if isinstance(event, Expired | Reminded)]

    async def release(self) -> None:
        """Let the pause after a failure, or the lease of a dead worker, pass."""
        await self.pool.execute("UPDATE views.timers_v1 SET not_before = clock_timestamp()")


@pytest.fixture
async def clinic(database: str) -> AsyncIterator[Clinic]:
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        yield Clinic(pool)


async def test_a_deadline_begins_a_trace_of_its_own_with_a_link_to_where_it_was_set(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("event_store.tracing._TRACER", provider.get_tracer("test"))
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    await clinic.worker().fire_due()
    expire, fire = exporter.get_finished_spans()
    assert (fire.name, fire.parent, expire.name) == ("fire hold_expiry", None, "Expire")
    assert [f"{link.context.trace_id:032x}" for link in fire.links] == [TRACE]
    pages = clinic.store.read_stream(StreamName("day", "north", "d1"))
    held, expired = [event.meta().traceparent async for page in pages for event in page]
    assert expire.context is not None
    story = f"00-{expire.context.trace_id:032x}-{expire.context.span_id:016x}-"
    assert (held, str(expired)[:-2]) == (PARENT, story)
    assert TRACE not in story


async def test_a_deadline_fires_at_its_instant_and_not_before(clinic: Clinic) -> None:
    await clinic.hold()
    worker = clinic.worker()
    clinic.clock.time = NOON + 15 * MINUTE - MOMENT
    assert await worker.fire_due() == 0
    assert await clinic.facts() == []
    clinic.clock.time = NOON + 15 * MINUTE
    assert await worker.fire_due() == 1
    assert await clinic.facts() == [Expired(at=NOON + 15 * MINUTE)]
    clinic.clock.time = NOON + 15 * MINUTE + MOMENT
    assert await worker.fire_due() == 0
    assert len(await clinic.facts()) == 1


async def test_a_jump_of_the_clock_fires_all_that_came_due_in_order(clinic: Clinic) -> None:
    reminders = [NOON + 9 * MINUTE, NOON + 3 * MINUTE, NOON + 60 * 24 * MINUTE]
    await clinic.hold(*reminders)
    worker = clinic.worker()
    clinic.clock.time = NOON + 10 * MINUTE
    assert await worker.fire_due() == 2
    assert await clinic.facts() == [
        Reminded(planned=NOON + 3 * MINUTE),
        Reminded(planned=NOON + 9 * MINUTE),
    ]
    clinic.clock.time = NOON + timedelta(days=365)
    assert await worker.fire_due() == 2
    assert (await clinic.facts())[2:] in (
        [Expired(at=clinic.clock.time), Reminded(planned=reminders[2])],
        [Reminded(planned=reminders[2]), Expired(at=clinic.clock.time)],
    )


async def test_a_cancelled_deadline_never_fires(clinic: Clinic) -> None:
    await clinic.hold()
    await clinic.send(Book())
    clinic.clock.time = NOON + 60 * MINUTE
    assert await clinic.worker().fire_due() == 0
    assert clinic.days.ids == []


async def test_a_late_timer_of_a_finished_thing_does_nothing(clinic: Clinic) -> None:
    await clinic.hold()
    # Booked, but the cancellation has not been projected when the deadline comes.
    context = CommandContext(
        command_id=NAMESPACE,
        metadata=Metadata(
            tenant="north", actor="a", role="patient", time=NOON, correlation=NAMESPACE
        ),
    )
    await clinic.days._handler.handle(Book(), key="d1", context=context)
    clinic.clock.time = NOON + 60 * MINUTE
    assert await clinic.worker().fire_due() == 1
    assert len(clinic.days.ids) == 1
    assert await clinic.facts() == []
    assert await clinic.worker().fire_due() == 0


async def test_a_newer_deadline_takes_the_place_of_an_older_one(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 10 * MINUTE
    await clinic.hold()
    clinic.clock.time = NOON + 25 * MINUTE - MOMENT
    assert await clinic.worker().fire_due() == 0
    clinic.clock.time = NOON + 25 * MINUTE
    assert await clinic.worker().fire_due() == 1


async def test_a_deadline_set_again_after_it_fired_fires_again(clinic: Clinic) -> None:
    for _ in range(2):
        await clinic.hold()
        clinic.clock.time += 15 * MINUTE
        assert await clinic.worker().fire_due() == 1
    assert len(set(clinic.days.ids)) == 2
    assert len(await clinic.facts()) == 2


async def test_tenants_and_keys_have_deadlines_of_their_own(clinic: Clinic) -> None:
    await clinic.hold(tenant="north")
    await clinic.hold(tenant="south")
    await clinic.hold(key="d2")
    await clinic.send(Book(), tenant="south")
    clinic.clock.time = NOON + 15 * MINUTE
    assert await clinic.worker().fire_due() == 2
    assert len(await clinic.facts(tenant="north")) == 1
    assert await clinic.facts(tenant="south") == []
    assert len(await clinic.facts(key="d2")) == 1


async def test_the_command_says_why_it_came(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    await clinic.worker().fire_due()
    pages = [page async for page in clinic.store.read_all()]
    held, expired = pages[0].events
    metadata = expired.meta()
    assert (metadata.actor, metadata.role) == ("service:booking", "service")
    assert metadata.causation == held.id
    assert metadata.correlation == NAMESPACE
    assert metadata.subject == "patient:1"
    assert metadata.time == NOON + 15 * MINUTE


async def test_several_workers_share_the_work(clinic: Clinic) -> None:
    for number in range(120):
        await clinic.hold(key=f"d{number}")
    clinic.clock.time = NOON + 15 * MINUTE
    fired = await asyncio.gather(*(clinic.worker(batch=7).fire_due() for _ in range(3)))
    assert sum(fired) == 120
    assert sum(1 for count in fired if count) > 1
    assert len(clinic.days.ids) == len(set(clinic.days.ids)) == 120


async def test_an_outage_is_waited_out_with_growing_pauses(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.days.away = 3
    clinic.clock.time = NOON + 15 * MINUTE
    worker = clinic.worker()
    pauses = []
    for _ in range(3):
        assert await worker.fire_due() == 0
        pauses.append(
            await clinic.pool.fetchval(
                "SELECT extract(epoch FROM not_before - clock_timestamp())::float8 "
                "FROM views.timers_v1"
            )
        )
        assert await worker.fire_due() == 0
        await clinic.release()
    assert len(clinic.days.ids) == 3
    for pause, expected in zip(pauses, (1, 2, 4), strict=True):
        assert expected - 0.5 < pause <= expected
    assert await worker.fire_due() == 1
    assert len(set(clinic.days.ids)) == 1
    assert len(await clinic.facts()) == 1


async def test_the_backlog_tells_how_each_deadline_stands(clinic: Clinic) -> None:
    day, worker = timedelta(days=1), clinic.worker()
    await clinic.hold()
    assert await worker.backlog() == [Backlog("hold_expiry", coming=1), Backlog("reminder")]
    await clinic.hold(NOON + day)
    await clinic.hold(NOON + day + MOMENT, key="d2")
    hold_expiry, reminder = await worker.backlog()
    assert (hold_expiry, reminder) == (
        Backlog("hold_expiry", coming=2),
        Backlog("reminder", coming=1),
    )
    due_at = clinic.clock.time = NOON + 15 * MINUTE
    await clinic.pool.execute("UPDATE views.timers_v1 SET attempts = 3 WHERE key = 'd1'")
    await clinic.pool.execute("UPDATE views.timers_v1 SET attempts = 4 WHERE key = 'd2'")
    assert await worker.backlog() == [
        Backlog("hold_expiry", due=2, failing=1, oldest=due_at),
        Backlog("reminder", coming=2),
    ]


async def test_a_worker_that_dies_between_claim_and_settling_leaves_no_trace(
    clinic: Clinic,
) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    clinic.days.killed_after = True
    with suppress(asyncio.CancelledError):
        await clinic.worker().fire_due()
    clinic.days.killed_after = False
    other = clinic.worker()
    assert await other.fire_due() == 0, "the claim holds until its lease ends"
    await clinic.release()
    assert await other.fire_due() == 1
    assert len(clinic.days.ids) == 2
    assert len(set(clinic.days.ids)) == 1
    assert len(await clinic.facts()) == 1


async def test_a_command_that_hangs_is_given_up_within_the_lease(clinic: Clinic) -> None:
    class Hanging:
        async def handle(self, *_: object, **__: object) -> None:
            await asyncio.Event().wait()

    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    clinic.days = Hanging()  # type: ignore[assignment]  # only its handle is asked
    assert await clinic.worker(lease_seconds=0.1).fire_due() == 0


class Lasting:
    """A handler whose commands last; they are counted while they run, and when they came to their end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.running: list[object] = []
        self.beside: list[object] = []
        self.done: list[object] = []

    async def handle(self, _command: Command, *, key: object, context: CommandContext) -> None:
        assert context.metadata.tenant == "north"
        self.beside += [key] if key in self.running else []
        self.running.append(key)
        try:
            await asyncio.sleep(self.seconds)
            self.done.append(key)
        finally:
            self.running.remove(key)


async def test_no_command_runs_beside_its_own_repeat(clinic: Clinic) -> None:
    for number in range(60):
        await clinic.hold(key=f"d{number}")
    clinic.clock.time = NOON + 15 * MINUTE
    clinic.days = lasting = Lasting(0.3)  # type: ignore[assignment]  # only its handle is asked
    workers = [clinic.worker(lease_seconds=0.8, poll_seconds=0.05) for _ in range(2)]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    due = "SELECT count(*) FROM views.timers_v1 WHERE due_at IS NOT NULL"
    async with asyncio.timeout(30):
        while await clinic.pool.fetchval(due):  # noqa: ASYNC110 - the server's
            await asyncio.sleep(0.05)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert set(lasting.done) == {f"d{number}" for number in range(60)}
    assert lasting.beside == []


class Wrapped:
    """A pool with something before or after its calls."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool
        self.claim_seconds = 0.0
        self.unsettled: Exception | None = None

    async def fetch(self, *arguments: Any) -> Any:
        found = await self.pool.fetch(*arguments)
        await asyncio.sleep(self.claim_seconds)
        return found

    async def execute(self, *arguments: Any) -> Any:
        if self.unsettled is not None:
            unsettled, self.unsettled = self.unsettled, None
            raise unsettled
        return await self.pool.execute(*arguments)


def worker_over(pool: Any, clinic: Clinic, **settings: Any) -> TimerWorker:
    return TimerWorker(
        pool, VIEW, DEADLINES, app=clinic, service="booking", clock=clinic.clock, **settings
    )


async def test_the_time_for_a_command_is_counted_from_the_claim(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    clinic.days = lasting = Lasting(0.05)  # type: ignore[assignment]  # only its handle is asked
    pool = Wrapped(clinic.pool)
    pool.claim_seconds = 0.5
    assert await worker_over(pool, clinic, lease_seconds=0.5).fire_due() == 0
    assert lasting.done == []


async def test_who_comes_too_late_does_not_shorten_the_claim_of_another(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE

    class Overtaken:
        async def handle(self, *_: object, **__: object) -> None:
            await clinic.pool.execute(
                "UPDATE views.timers_v1 SET attempts = 2, not_before = now() + interval '1 hour'"
            )
            raise StoreUnavailable

    clinic.days = Overtaken()  # type: ignore[assignment]  # only its handle is asked
    assert await clinic.worker().fire_due() == 0
    assert await clinic.pool.fetchval(
        "SELECT not_before > now() + interval '59 minutes' FROM views.timers_v1"
    )


async def test_a_firing_that_cannot_be_settled_leaves_none_running(clinic: Clinic) -> None:
    await clinic.hold(key="d1")
    await clinic.hold(key="d2")
    clinic.clock.time = NOON + 15 * MINUTE

    class Uneven(Lasting):
        @override
        async def handle(self, command: Command, *, key: object, context: CommandContext) -> None:
            self.seconds = 0.0 if key == "d1" else 0.3
            await super().handle(command, key=key, context=context)

    clinic.days = uneven = Uneven(0)  # type: ignore[assignment]  # only its handle is asked
    pool = Wrapped(clinic.pool)
    pool.unsettled = asyncpg.ConnectionDoesNotExistError()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await worker_over(pool, clinic).fire_due()
    assert uneven.running == []


async def test_a_rebuilt_table_does_not_fire_again(clinic: Clinic) -> None:
    await clinic.hold(NOON + MINUTE, NOON + 30 * MINUTE)
    clinic.clock.time = NOON + 20 * MINUTE
    worker = clinic.worker()
    assert await worker.fire_due() == 2
    await clinic.runner.drain()
    assert (await verify(clinic.pool, clinic.store, CODEC, VIEW)).same
    await rebuild(clinic.pool, clinic.store, CODEC, VIEW)
    assert await worker.fire_due() == 0
    clinic.clock.time = NOON + 30 * MINUTE
    assert await worker.fire_due() == 1
    assert len(clinic.days.ids) == 3


async def test_a_new_version_of_the_table_does_not_fire_again(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    assert await clinic.worker().fire_due() == 1
    newer = timers_view(DEADLINES, version=2)
    worker = TimerWorker(
        clinic.pool, newer, DEADLINES, app=clinic, service="booking", clock=clinic.clock
    )
    runner = ProjectionRunner(clinic.pool, clinic.store, CODEC, [newer])
    await runner.drain()
    assert await worker.fire_due() == 0
    row = await Queries(clinic.pool).one(newer, key="d1", name="hold_expiry")
    assert isinstance(row, Timer)
    assert (row.done, row.due_at) == (1, None)


async def test_what_has_fired_is_taken_over_by_key_however_much_it_is(clinic: Clinic) -> None:
    """Row by row against every other row 20,000 rows are 400 million comparisons: longer than a statement may take."""
    await clinic.hold()
    await clinic.pool.execute(
        "INSERT INTO views.timers_v1 SELECT name, tenant, n::text, generation, instants, correlation, "
        "subject, traceparent, NULL, 1, 0 FROM views.timers_v1, generate_series(1, 20000) AS n"
    )
    await clinic.pool.execute("CREATE TABLE views.fresh (LIKE views.timers_v1 INCLUDING ALL)")
    await clinic.pool.execute("INSERT INTO views.fresh SELECT * FROM views.timers_v1")
    await clinic.pool.execute("UPDATE views.fresh SET done = 0, due_at = instants[1]")
    async with clinic.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = '20 s'")
        await Table(VIEW, "fresh").carry(connection, VIEW.table)
    assert await clinic.pool.fetchval("SELECT count(*) FROM views.fresh WHERE done = 1") == 20_000


async def test_what_is_settled_while_a_table_is_swapped_is_not_lost(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    async with clinic.pool.acquire() as connection, connection.transaction():
        shadow = Table(VIEW, "timers_v1_rebuild")
        await shadow.create(connection)
        await connection.execute(
            "INSERT INTO views.timers_v1_rebuild SELECT * FROM views.timers_v1"
        )
        await shadow.carry(connection, VIEW.table)
        firing = asyncio.create_task(clinic.worker().fire_due())
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with asyncio.timeout(10):
            while not firing.done() and not await clinic.pool.fetchval(waiting):  # noqa: ASYNC110 - the server's
                await asyncio.sleep(0.01)
        await connection.execute("DROP TABLE views.timers_v1")
        await connection.execute("ALTER TABLE views.timers_v1_rebuild RENAME TO timers_v1")
    assert await firing == 1
    assert await clinic.worker().fire_due() == 0
    assert len(clinic.days.ids) == 1


async def test_a_half_filled_table_fires_nothing(clinic: Clinic) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    await clinic.pool.execute("UPDATE views.checkpoint SET filled_at = NULL")
    assert await clinic.worker().fire_due() == 0
    await clinic.runner.drain()
    assert await clinic.worker().fire_due() == 1


async def test_the_loop_notices_a_deadline_soon(clinic: Clinic) -> None:
    task = asyncio.create_task(clinic.worker(poll_seconds=0.01).run())
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    async with asyncio.timeout(5):
        async for page in clinic.store.subscribe():
            if any(event.type == "Expired.v1" for event in page.events):
                break
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class Interrupted:
    """A pool whose first claim breaks off: asyncpg has several words for a lost connection."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", loss: Exception) -> None:
        self._pool, self._losses = pool, [loss]

    async def fetch(self, *arguments: Any) -> Any:
        if self._losses:
            raise self._losses.pop()
        return await self._pool.fetch(*arguments)

    async def execute(self, *arguments: Any) -> Any:
        return await self._pool.execute(*arguments)


@pytest.mark.parametrize(
    "loss",
    [
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        ConnectionRefusedError(),
    ],
    ids=lambda loss: type(loss).__name__,
)
async def test_the_loop_outlives_a_lost_connection(clinic: Clinic, loss: Exception) -> None:
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    pool: Any = Interrupted(clinic.pool, loss)
    worker = TimerWorker(
        pool,
        VIEW,
        DEADLINES,
        app=clinic,
        service="booking",
        clock=clinic.clock,
        poll_seconds=0.01,
    )
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(5):
        while not await clinic.facts():
            assert not task.done(), "the loop has ended"
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_two_deadlines_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        timers_view([EXPIRY, replace(REMINDER, name="hold_expiry")])


async def test_a_deadline_may_come_to_nothing(clinic: Clinic) -> None:
    asked: list[Elapsed] = []
    silent = replace(EXPIRY, fire=asked.append)
    await clinic.hold()
    clinic.clock.time = NOON + 15 * MINUTE
    worker = TimerWorker(
        clinic.pool, VIEW, [silent], app=clinic, service="booking", clock=clinic.clock
    )
    assert await worker.fire_due() == 1
    assert await worker.fire_due() == 0
    assert [(one.key, one.at, one.index) for one in asked] == [("d1", NOON + 15 * MINUTE, 0)]
    assert clinic.days.ids == []

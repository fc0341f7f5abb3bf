"""Filling a view, beside the same rows written inside the database."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from bench.harness import Bench, Group, Reach, Result, alternate, middle
from bench.samples import VISIT_CODEC, Visited, seed
from event_store.postgres import PostgresEventStore, open_pool
from read_models import Fact, ProjectionRunner, View, create_views

PAGE: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    tenant: str
    visit: str
    number: int
    patient: UUID
    clinician: UUID
    at: datetime
    room: str


def keys(_: Visited, fact: Fact) -> Iterable[tuple[str, str, int]]:
    return ((fact.tenant, fact.stream_key, fact.revision),)


def project(_: VisitRow | None, event: Visited, fact: Fact) -> VisitRow:
    tenant, visit, number = fact.key
    return VisitRow(
        tenant=tenant,
        visit=visit,
        number=number,
        patient=event.patient,
        clinician=event.clinician,
        at=event.at,
        room=event.room,
    )


VISITS: Final = View(
    name="visits",
    version=1,
    row=VisitRow,
    key=("tenant", "visit", "number"),
    events={Visited: keys},
    project=project,
)

_FLOOR: Final = """
    INSERT INTO views.same_rows SELECT * FROM views.visits_v1
    ON CONFLICT (tenant, visit, number) DO UPDATE
    SET patient = excluded.patient, clinician = excluded.clinician, at = excluded.at, room = excluded.room
"""


async def fill(bench: Bench) -> AsyncIterator[Result]:
    events = bench.size(500_000, 20_000)
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database))
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        await seed(pool, events, per_stream=10)
        await create_views(pool, [VISITS])
        await pool.execute("CREATE TABLE views.same_rows (LIKE views.visits_v1 INCLUDING ALL)")
        memory: list[int] = []

        async def projected() -> float:
            await pool.execute(
                "TRUNCATE views.visits_v1; UPDATE views.checkpoint SET position = ''"
            )
            memory.clear()
            runner = ProjectionRunner(pool, store, VISIT_CODEC, [VISITS], page_size=PAGE)

            async def weigh_each_page() -> None:
                while True:
                    await runner.moved()
                    memory.append(resident_bytes())

            weighing = asyncio.create_task(weigh_each_page())
            begun = time.perf_counter()
            await runner.drain()
            seconds = time.perf_counter() - begun
            weighing.cancel()
            await _expect(pool, "SELECT count(*) FROM views.visits_v1", events)
            return events / seconds

        async def in_the_database() -> float:
            await pool.execute("TRUNCATE views.same_rows")
            begun = time.perf_counter()
            await pool.execute(_FLOOR)
            seconds = time.perf_counter() - begun
            await _expect(pool, "SELECT count(*) FROM views.same_rows", events)
            return events / seconds

        # The projection goes first: the floor copies the rows that it has written.
        value, floor = await alternate(bench.rounds, projected, in_the_database)
        early = max(memory[: len(memory) // 5])
    yield Reach("at least", 0.2).result(
        f"projection of {events:,} events into a table, with checkpoints",
        "events/s",
        middle(value),
        middle(floor),
    )
    yield Reach("at most", 1.1).result(
        "memory of the projection, against its first fifth",
        "MB",
        max(memory) / 1e6,
        early / 1e6,
    )


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _expect(pool: "asyncpg.Pool[asyncpg.Record]", question: str, answer: int) -> None:
    found = await pool.fetchval(question)
    if found != answer:
        raise AssertionError(f"{found} instead of {answer}")


MEASUREMENTS: Final[Group] = {"projection": fill}

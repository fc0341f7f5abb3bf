"""One event to one of many streams through the port, beside a bare insert."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from bench.harness import Bench, Group, Load, Reach, Result, alternate, middle
from bench.samples import PLAIN_TABLE, a_stored_visit, plain_insert, seed
from event_store import StreamName
from event_store.postgres import PostgresEventStore, open_pool

STREAMS: Final = 1000

_REACH: Final = {64: 2.5, 16: 1.6, 1: 0.85}


async def appends(bench: Bench, callers: int) -> AsyncIterator[Result]:
    calls = bench.size({64: 10_000, 16: 6_000, 1: 600}[callers], 500)
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(bench.database())
        connections = min(callers, 16)  # more made the floor slower
        pool = await opened.enter_async_context(
            await open_pool(database, min_size=connections, max_size=connections + 2)
        )
        await pool.execute(PLAIN_TABLE)
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        rounds = itertools.count()

        async def plain() -> Load:
            name = f"visit-north.{next(rounds)}"
            return await Load.run(
                callers,
                calls,
                lambda turn: plain_insert(pool, f"{name}:{turn % STREAMS}", turn // STREAMS),
            )

        async def through_the_port() -> Load:
            round_ = next(rounds)

            def append(turn: int) -> Awaitable[object]:
                name = StreamName("visit", "north", f"{round_}:{turn % STREAMS}")
                return store.append(name, [a_stored_visit()], expected=turn // STREAMS - 1)

            return await Load.run(callers, calls, append)

        turns = bench.rounds * (
            3 if callers == 1 else 1
        )  # short ones: one caller feels every disturbance
        floor, value = await alternate(turns, plain, through_the_port)
    work = f"append one event to many streams, {callers} at once"
    yield Reach("at least", _REACH[callers]).result(
        work,
        "appends/s",
        middle(load.rate for load in value),
        middle(load.rate for load in floor),
    )
    if callers == 64:
        yield Reach("below", 1).result(
            f"{work}, p99",
            "ms",
            middle(load.percentile(0.99) for load in value),
            middle(load.percentile(0.99) for load in floor),
        )


async def growth(bench: Bench) -> AsyncIterator[Result]:
    """The time of an append in a large store, beside the same in a small one."""
    large, small = bench.size(1_000_000, 20_000), bench.size(10_000, 2_000)
    async with AsyncExitStack() as opened:
        works: list[Callable[[], Awaitable[Load]]] = []
        for events in (small, large):
            database = await opened.enter_async_context(bench.database())
            pool = await opened.enter_async_context(await open_pool(database))
            store = await PostgresEventStore.open(pool)
            opened.push_async_callback(store.close)
            await seed(pool, events, per_stream=10)
            works.append(partial(_append_on, store, events // 10, itertools.count(10)))
        floor, value = await alternate(bench.rounds, *works)
    yield Reach("at most", 1.2).result(
        f"append with {large:,} events in the store, p50 (floor: with {small:,})",
        "ms",
        middle(load.percentile(0.5) for load in value),
        middle(load.percentile(0.5) for load in floor),
    )


async def _append_on(
    store: PostgresEventStore, streams: int, lengths: "itertools.count[int]"
) -> Load:
    length, calls = next(lengths), 1000
    apart = max(streams // calls, 1)  # spread over the whole table

    def append(turn: int) -> Awaitable[object]:
        name = StreamName("visit", "north", str(turn * apart % streams))
        return store.append(name, [a_stored_visit()], expected=length - 1)

    return await Load.run(1, min(calls, streams), append)


MEASUREMENTS: Final[Group] = {
    "append-64": partial(appends, callers=64),
    "append-16": partial(appends, callers=16),
    "append-1": partial(appends, callers=1),
    "append-growth": growth,
}

"""Reading everything as typed events, beside fetching the same pages."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

from bench.harness import Bench, Group, Reach, Result, alternate, middle
from bench.samples import VISIT_CODEC, seed
from event_store.postgres import PostgresEventStore, open_pool

PAGE: Final = 1000

_FETCH: Final = """
    SELECT id, stream, revision, type, data, metadata, order_key, position FROM event_store.events
    WHERE (order_key, position) > ($1, $2) ORDER BY order_key, position LIMIT $3
"""


async def read_all(bench: Bench) -> AsyncIterator[Result]:
    events = bench.size(500_000, 20_000)
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database))
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        await seed(pool, events, per_stream=10)

        async def fetched() -> float:
            seen, after, begun = 0, (0, 0), time.perf_counter()
            async with pool.acquire() as connection:
                while rows := await connection.fetch(_FETCH, *after, PAGE):
                    seen += len(rows)
                    after = rows[-1]["order_key"], rows[-1]["position"]
            return _rate(seen, events, begun)

        async def decoded() -> float:
            seen, begun = 0, time.perf_counter()
            async for page in store.read_all(page_size=PAGE):
                seen += len(VISIT_CODEC.decode_all(page.events))
            return _rate(seen, events, begun)

        floor, value = await alternate(bench.rounds, fetched, decoded)
    yield Reach("at least", 0.8).result(
        f"read all {events:,} events, decoded into typed events",
        "events/s",
        middle(value),
        middle(floor),
    )


def _rate(seen: int, events: int, begun: float) -> float:
    seconds = time.perf_counter() - begun
    if seen != events:
        raise AssertionError(f"{seen} of {events} events")
    return seen / seconds


MEASUREMENTS: Final[Group] = {"read-all": read_all}

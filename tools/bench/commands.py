"""The whole command loop: load, fold, decide, append."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from typing import Final

from bench.harness import Bench, Group, Load, Reach, Result, alternate, middle
from bench.samples import (
    CLAIM_CODEC,
    CLAIMS,
    PLAIN_TABLE,
    VISIT_CODEC,
    VISITS,
    Claim,
    Taken,
    a_context,
    a_visit,
    an_id,
    plain_insert,
    seed,
)
from event_store import CommandHandler, Handled
from event_store.postgres import PostgresEventStore, open_pool

CALLERS: Final = 64
CLAIMANTS: Final = 200


async def loop(bench: Bench) -> AsyncIterator[Result]:
    """Commands to streams of about ten events, half of which are warm."""
    calls = bench.size(6_000, 400)
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database, min_size=16, max_size=18))
        await pool.execute(PLAIN_TABLE)
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        await seed(pool, calls * 8, per_stream=8)
        rounds = itertools.count()

        async def plain() -> Load:
            name = f"visit-north.{next(rounds)}"
            return await Load.run(
                CALLERS, calls, lambda turn: plain_insert(pool, f"{name}:{turn}", 0)
            )

        async def commands() -> Load:
            visits = CommandHandler(store, VISITS, VISIT_CODEC, "visit")
            for key in range(0, calls, 2):
                await visits.load(tenant="north", key=key)

            def handle(turn: int) -> Awaitable[object]:
                return visits.handle(a_visit(), key=turn, context=a_context())

            return await Load.run(CALLERS, calls, handle)

        floor, value = await alternate(bench.rounds, plain, commands)
    yield Reach("at least", 1.0).result(
        "whole command loop, 64 at once, half of the streams warm",
        "commands/s",
        middle(load.rate for load in value),
        middle(load.rate for load in floor),
    )


async def claims(bench: Bench) -> AsyncIterator[Result]:
    """Two hundred claims on one slot: one winner."""
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database, min_size=16, max_size=18))
        await pool.execute(PLAIN_TABLE)
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        slots = itertools.count()

        async def plain() -> float:
            slot = next(slots)
            begun = time.perf_counter()
            await asyncio.gather(
                *(plain_insert(pool, f"slot-north.{slot}", number) for number in range(CLAIMANTS))
            )
            return time.perf_counter() - begun

        async def claimed() -> float:
            slot = next(slots)
            handler = CommandHandler(store, CLAIMS, CLAIM_CODEC, "slot")
            wishes = [(Claim(patient=an_id()), a_context()) for _ in range(CLAIMANTS)]
            begun = time.perf_counter()
            answers = await asyncio.gather(
                *(handler.handle(claim, key=slot, context=context) for claim, context in wishes),
                return_exceptions=True,
            )
            seconds = time.perf_counter() - begun
            winners = sum(isinstance(answer, Handled) for answer in answers)
            losers = sum(isinstance(answer, Taken) for answer in answers)
            if (winners, losers) != (1, CLAIMANTS - 1):
                raise AssertionError(f"{winners} winners, {losers} losers")
            return seconds

        floor, value = await alternate(bench.rounds * 3, plain, claimed)
    yield Reach("below", 1).result(
        "200 claims on one slot, in process",
        "ms",
        middle(value) * 1000,
        middle(floor) * 1000,
    )


MEASUREMENTS: Final[Group] = {"command-loop": loop, "claims": claims}

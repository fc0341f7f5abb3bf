"""Where a subscription to nothing but news begins: at what every reader sees, not at the newest commit."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from event_store import EventStore, NewEvent, StreamName
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore, open_pool
from event_store.postgres.appending import Request, append_one
from event_store.records import NO_STREAM, START
from event_store.testing import closing


def event(number: int) -> NewEvent:
    return NewEvent(UUID(int=number), "Noted.v1", b"%d" % number, b"{}")


def stream(name: str) -> StreamName:
    return StreamName("note", "north", name)


async def append(store: EventStore, number: int) -> None:
    await store.append(stream(f"s{number}"), [event(number)], expected=NO_STREAM)


async def test_what_is_there_is_at_or_before_the_horizon_of_a_quiet_store() -> None:
    store = MemoryEventStore()
    assert await store.horizon() == START
    await append(store, 1)
    assert await store.horizon() == await store.position() > START


@pytest.mark.integration
async def test_a_transaction_that_is_open_when_a_subscription_begins_is_not_missed(
    database: str,
) -> None:
    """Its order key is older than that of the newest commit, so `position` would lie behind it."""
    async with await open_pool(database) as pool:
        store = await PostgresEventStore.open(pool)
        slow = await asyncpg.connect(database)
        try:
            await append(store, 1)
            quiet = await store.horizon()
            assert quiet == await store.position()
            transaction = slow.transaction()
            await transaction.start()
            await append_one(slow, Request(stream("slow"), [event(2)], NO_STREAM))
            await append(store, 3)
            assert await store.horizon() == quiet < await store.position()
            async with closing(store.subscribe(after=await store.horizon())) as pages:
                assert (await anext(pages)).events == ()
                await transaction.commit()
                heard: list[bytes] = []
                async with asyncio.timeout(10):
                    while len(heard) < 2:
                        heard += [one.data for one in (await anext(pages)).events]
            assert heard == [b"2", b"3"]
        finally:
            await slow.close()
            await store.close()

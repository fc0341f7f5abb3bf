"""Rows by key for callers that meet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from typing_extensions import override

from read_models import Queries, View, create_views
from read_models.lookups import Lookups
from read_models.tables import Rows, Table
from read_models.view import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    tenant: str
    number: int
    name: str


ROOMS: View[Room] = View(
    name="rooms",
    version=1,
    row=Room,
    key=("tenant", "number"),
    events={},
    project=lambda row, _event, _fact: row,
)


def room(number: int, name: str = "free") -> Room:
    return Room(tenant="north", number=number, name=name)


class Slow(Table[Room]):
    """A table whose queries wait until they are let go, and are counted."""

    def __init__(self) -> None:
        super().__init__(ROOMS)
        self.queries: list[int] = []
        self.open = asyncio.Event()

    @override
    async def load(
        self, connection: Rows, keys: Sequence[Key], *, lock: bool = False
    ) -> dict[Key, Room]:
        self.queries.append(len(keys))
        await self.open.wait()
        return await super().load(connection, keys, lock=lock)


@pytest.fixture
async def rooms(database: str) -> Any:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        await create_views(pool, [ROOMS])
        async with pool.acquire() as connection:
            await Table(ROOMS).upsert(connection, [room(number) for number in range(3)])
        yield pool


async def test_callers_that_meet_share_queries(rooms: Any) -> None:
    slow = Slow()
    lookups = Lookups(rooms, slow)
    first = asyncio.create_task(lookups.find([("north", 0)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(lookups.find([("north", n), ("north", 9)])) for n in (1, 2, 1)]
    await asyncio.sleep(0.01)
    slow.open.set()
    assert await first == {("north", 0): room(0)}
    assert [list(found.values()) for found in await asyncio.gather(*others)] == [
        [room(1)],
        [room(2)],
        [room(1)],
    ]
    assert slow.queries == [1, 3]


async def test_what_is_asked_later_is_never_older(rooms: Any) -> None:
    """A row that changes while a query is out is read again for whoever asks from then on."""
    slow = Slow()
    lookups = Lookups(rooms, slow)
    early = asyncio.create_task(lookups.find([("north", 0)]))
    await asyncio.sleep(0.01)
    async with rooms.acquire() as connection:
        await Table(ROOMS).upsert(connection, [room(0, "taken")])
    late = asyncio.create_task(lookups.find([("north", 0)]))
    await asyncio.sleep(0.01)
    slow.open.set()
    await early
    assert await late == {("north", 0): room(0, "taken")}
    assert slow.queries == [1, 1]


async def test_an_impossible_key_and_a_caller_who_leaves_harm_nobody(rooms: Any) -> None:
    slow = Slow()
    lookups = Lookups(rooms, slow)
    first = asyncio.create_task(lookups.find([("north", 0)]))
    await asyncio.sleep(0.01)
    impossible = asyncio.create_task(lookups.find([("no\0rth", 1)]))
    leaves = asyncio.create_task(lookups.find([("north", 1)]))
    stays = asyncio.create_task(lookups.find([("north", 1), ("north", 2)]))
    await asyncio.sleep(0.01)
    leaves.cancel()
    slow.open.set()
    assert await stays == {("north", 1): room(1), ("north", 2): room(2)}
    assert await first == {("north", 0): room(0)}
    with pytest.raises(asyncpg.DataError):
        await impossible
    assert leaves.cancelled()


async def test_a_lost_server_fails_who_asked_and_not_who_asks_later(rooms: Any) -> None:
    class Away(Slow):
        @override
        async def load(
            self, connection: Rows, keys: Sequence[Key], *, lock: bool = False
        ) -> dict[Key, Room]:
            if not self.open.is_set():
                raise asyncpg.ConnectionDoesNotExistError
            return await super().load(connection, keys, lock=lock)

    away = Away()
    lookups = Lookups(rooms, away)
    for answer in await asyncio.gather(
        *(lookups.find([("north", n)]) for n in range(2)), return_exceptions=True
    ):
        assert isinstance(answer, asyncpg.ConnectionDoesNotExistError)
    away.open.set()
    assert await lookups.find([("north", 0)]) == {("north", 0): room(0)}


async def test_one_by_the_whole_key_and_by_a_part_of_it(rooms: Any) -> None:
    db = Queries(rooms)
    assert await db.one(ROOMS, number=2, tenant="north") == room(2)
    assert await db.one(ROOMS, number=2, tenant="south") is None
    assert await db.one(ROOMS, number=1) == room(1)
    assert await db.some(ROOMS, []) == {}


AT_LEAST = """
    SELECT asked.place, (
        SELECT count(*) FROM views.rooms_v1 AS room
        WHERE room.tenant = asked.tenant AND room.number >= asked.number
    )
    FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked(tenant, number, place)
    WHERE asked.number >= 0
"""


async def test_a_statement_answers_each_of_the_callers_that_meet(rooms: Any) -> None:
    queries = Queries(rooms)
    wanted = [("north", 0), ("south", 0), ("north", 2), ("north", -1), ("north", 0)]
    assert await asyncio.gather(*(queries.each(AT_LEAST, *key) for key in wanted)) == [
        3,
        0,
        1,
        None,
        3,
    ]


async def test_an_impossible_key_fails_alone_in_a_statement(rooms: Any) -> None:
    queries = Queries(rooms)
    answers = await asyncio.gather(
        queries.each(AT_LEAST, "north", 1),
        queries.each(AT_LEAST, "north", "one"),
        return_exceptions=True,
    )
    assert answers[0] == 2
    assert isinstance(answers[1], asyncpg.DataError)

"""Every column type goes into PostgreSQL and comes back as it was; declarations that cannot work are refused."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, Literal, NewType
from uuid import UUID

import asyncpg
import pytest

from read_models import Fact, Opened, Queries, View, create_views
from read_models.tables import Table
from vocabulary.money import Money
from vocabulary.sealed import Sealed

PatientId = NewType("PatientId", UUID)
ID = UUID("0190f6a0-0000-7000-8000-000000000001")
OTHER = UUID("0190f6a0-0000-7000-8000-000000000002")


class Mode(StrEnum):
    ONLINE = "ONLINE"
    HOME = "HOME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    title: str
    price: Money
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    tenant: str
    patient_id: PatientId
    mode: Mode
    kind: Literal["A", "B"]
    price: Money
    count: int
    rating: float
    paid: bool
    day: date
    at: datetime
    wall: time
    tags: tuple[str, ...]
    files: tuple[PatientId, ...]
    items: tuple[Item, ...]
    best: Item
    sealed: Sealed[str]
    maybe: str | None = None
    maybe_price: Money | None = None
    maybe_mode: Mode | None = None
    maybe_tags: tuple[str, ...] | None = None
    maybe_item: Item | None = None
    maybe_sealed: Sealed[str] | None = None


FULL = Everything(
    tenant="north",
    patient_id=PatientId(ID),
    mode=Mode.HOME,
    kind="B",
    price=Money(kopecks=150_000),
    count=-(2**63),
    rating=4.5,
    paid=True,
    day=date(2026, 11, 21),
    at=datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC),
    wall=time(8, 15),
    tags=("терапевт", 'quoted "one"', "back\\slash", "a,b {c}", "NULL", ""),
    files=(PatientId(ID), PatientId(OTHER)),
    items=(Item(title="Приём", price=Money(kopecks=1), at=datetime(2026, 1, 1, tzinfo=UTC)),),
    best=Item(title="x", price=Money(kopecks=2)),
    sealed=Sealed(subject=ID, field="name", cipher="abc"),
    maybe="да",
    maybe_price=Money(kopecks=7),
    maybe_mode=Mode.ONLINE,
    maybe_tags=("a",),
    maybe_item=Item(title="y", price=Money(kopecks=3)),
    maybe_sealed=Sealed(subject=OTHER, field="name", cipher="def"),
)
EMPTY = Everything(
    tenant="north",
    patient_id=PatientId(OTHER),
    mode=Mode.ONLINE,
    kind="A",
    price=Money(kopecks=0),
    count=0,
    rating=0.0,
    paid=False,
    day=date(1, 1, 1),
    at=datetime(2026, 1, 1, tzinfo=UTC),
    wall=time(0, 0),
    tags=(),
    files=(),
    items=(),
    best=Item(title="", price=Money(kopecks=0)),
    sealed=Sealed(subject=ID, field="name", cipher=""),
)


def no_keys(_: object, __: Fact) -> Iterable[tuple[Any, ...]]:
    return ()


def view(**changes: Any) -> View[Any]:
    settings: dict[str, Any] = {
        "name": "everything",
        "version": 1,
        "row": Everything,
        "key": ("tenant", "patient_id", "mode"),
        "events": {},
        "project": lambda row, _event, _fact: row,
        "indexes": (("at",),),
    }
    return View(**(settings | changes))


async def test_every_type_comes_back_as_it_was(database: str) -> None:
    declared = view()
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        await create_views(pool, [declared])
        table = Table(declared)
        async with pool.acquire() as connection:
            await table.upsert(connection, [FULL, EMPTY])
            await table.upsert(connection, [FULL])
            full, empty = table.key_of(FULL), table.key_of(EMPTY)
            assert await table.load(connection, [full, empty]) == {full: FULL, empty: EMPTY}
            await table.delete(connection, [full])
            assert await table.load(connection, [full, empty]) == {empty: EMPTY}
        found = await Queries(pool).one(declared, tenant="north", mode=Mode.ONLINE)
        assert found == EMPTY


async def test_many_rows_at_once_come_back_as_they_were(database: str) -> None:
    declared = view()
    rows = [
        replace(row, patient_id=PatientId(UUID(int=number)))
        for number in range(300)
        for row in (FULL, EMPTY)
    ]
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        await create_views(pool, [declared])
        table = Table(declared)
        async with pool.acquire() as connection:
            for _ in range(2):
                async with connection.transaction():
                    await table.upsert(connection, rows)
            keys = [table.key_of(row) for row in rows]
            assert await table.load(connection, keys) == dict(zip(keys, rows, strict=True))


async def test_a_view_of_nothing_but_its_key(database: str) -> None:
    @dataclass(frozen=True, slots=True)
    class Name:
        name: str

    declared = view(row=Name, key=("name",), indexes=())
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        await create_views(pool, [declared])
        table = Table(declared)
        async with pool.acquire() as connection:
            await table.upsert(connection, [Name("a"), Name("b")])
            await table.upsert(connection, [Name("a")])
            assert await table.load(connection, [("a",), ("c",)]) == {("a",): Name("a")}


async def test_creating_is_harmless_twice_and_from_many(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=4, max_size=4) as pool:
        await asyncio.gather(*(create_views(pool, [view()]) for _ in range(4)))
        columns = await pool.fetchval(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'everything_v1'"
        )
    assert columns == 22


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Bad Name"},
        {"key": ()},
        {"key": ("tenant", "nobody")},
        {"key": ("maybe",)},
        {"key": ("best",)},
        {"indexes": (("nobody",),)},
        {"foreign": ("nobody",)},
        {"opened": (Opened("maybe", of="sealed"),)},
        {"opened": (Opened("maybe", of="kind"),), "subject": "patient_id"},
        {"opened": (Opened("kind", of="sealed"),), "subject": "patient_id"},
    ],
)
def test_a_declaration_that_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"view|name"):
        view(**changes)


def test_a_row_is_a_dataclass() -> None:
    with pytest.raises(TypeError):
        view(row=dict)

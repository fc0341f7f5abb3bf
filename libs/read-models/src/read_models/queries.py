"""Reading views: rows by key, lists, and pages by cursor."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec

from read_models.columns import Column
from read_models.lookups import Lookups
from read_models.tables import Connection, Table
from read_models.view import Key, View
from vocabulary.errors import InvalidValue

__all__ = ["InvalidPageCursor", "Queries", "ViewPage"]

R = TypeVar("R")


class InvalidPageCursor(InvalidValue):
    """The text, or the values in it, are not a cursor of this list."""

    code = "CURSOR_INVALID"


@dataclass(frozen=True, slots=True)
class ViewPage(Generic[R]):
    """Some rows in order; `next` asks for those behind them, None at the end."""

    items: Sequence[R]
    next: str | None


class Queries:
    """Queries over the views of one database.

    A `where` is SQL over the view's columns with $1, $2, ... for the values; it is written in the view's file and
    never made of input.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool
        self._tables: dict[str, Table[Any]] = {}
        self._lookups: dict[str, Lookups[Any]] = {}

    async def some(self, view: View[R], keys: Iterable[Key]) -> dict[Key, R]:
        """The rows of these keys that are there; callers that meet share a query."""
        lookups = self._lookups.get(view.name)
        if lookups is None:
            lookups = self._lookups[view.name] = Lookups(self.pool, self._table(view))
        return await lookups.find(keys)

    async def each(self, sql: str, *key: Any) -> Any:
        """The value that a statement has for a key; callers that meet share a query.

        It is written over arrays ($1, $2, ...), each with one part of many keys, and answers the place of a key
        among them (`WITH ORDINALITY`) and its value; None where it answers none.
        """
        lookups = self._lookups.get(sql)
        if lookups is None:
            lookups = self._lookups[sql] = Lookups(self.pool, _Statement(sql))
        return (await lookups.find((key,))).get(key)

    async def one(self, view: View[R], **equal: Any) -> R | None:
        """The row whose columns have these values; of several, any one. By its whole key as `some`."""
        if equal.keys() == set(view.key):
            key = tuple(equal[name] for name in view.key)
            return (await self.some(view, (key,))).get(key)
        where = " AND ".join(
            f"{_column(view, name).name} = ${n}" for n, name in enumerate(equal, 1)
        )
        found = await self.all(view, where, *equal.values(), limit=1)
        return found[0] if found else None

    async def all(
        self,
        view: View[R],
        where: str = "true",
        *values: Any,
        order: Sequence[str] = (),
        descending: bool = False,
        limit: int | None = None,
    ) -> list[R]:
        """The rows of a condition, in the order of some columns."""
        table = self._table(view)
        sql = f"SELECT {table.selected} FROM {table.name} WHERE {where}"
        if order:
            sql += " ORDER BY " + _order(view, order, descending=descending)
        if limit is not None:
            sql += f" LIMIT {limit:d}"
        return [table.row(record) for record in await self.pool.fetch(sql, *values)]

    async def page(
        self,
        view: View[R],
        where: str = "true",
        *values: Any,
        order: Sequence[str],
        descending: bool = False,
        after: str | Mapping[str, Any] | None = None,
        limit: int = 50,
    ) -> ViewPage[R]:
        """A page of the rows of a condition.

        `order` ends with columns that make it unique and has no nullable ones, so a page starts exactly behind the
        one before, whatever was written meanwhile. `after` is the `next` of the page before, as text or as what
        `service_kit.reads.PageQuery.after` made of it. Raises InvalidPageCursor.
        """
        columns = [_column(view, name) for name in order]
        if after is not None:
            places = range(len(values) + 1, len(values) + 1 + len(order))
            marks = ", ".join(
                f"${n}::text::{column.sql}" for n, column in zip(places, columns, strict=True)
            )
            where = f"({where}) AND ({', '.join(order)}) {'<' if descending else '>'} ({marks})"
            values = (*values, *_read_cursor(after, columns))
        try:
            rows = await self.all(
                view, where, *values, order=order, descending=descending, limit=limit + 1
            )
        except asyncpg.DataError as error:
            if after is None:
                raise
            raise InvalidPageCursor from error
        if len(rows) <= limit:
            return ViewPage(rows, None)
        return ViewPage(rows[:limit], _cursor(columns, rows[limit - 1]))

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """The records of any statement over `view.table`s."""
        found: list[asyncpg.Record] = await self.pool.fetch(sql, *values)
        return found

    def _table(self, view: View[R]) -> Table[R]:
        if view.table not in self._tables:
            self._tables[view.table] = Table(view)
        return self._tables[view.table]


class _Statement:
    """Values by key, as `Queries.each` wants them."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    async def load(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, Any]:
        """What there is of `keys`."""
        parts = [list(part) for part in zip(*keys, strict=True)]
        return {
            keys[place - 1]: value for place, value in await connection.fetch(self._sql, *parts)
        }


def _column(view: View[Any], name: str) -> Column:
    for column in view.columns:
        if column.name == name:
            return column
    raise KeyError(f"view {view.name} has no column {name}")


def _order(view: View[Any], names: Sequence[str], *, descending: bool) -> str:
    way = " DESC" if descending else ""
    return ", ".join(_column(view, name).name + way for name in names)


def _cursor(columns: Sequence[Column], row: object) -> str:
    values = {}
    for column in columns:
        value = getattr(row, column.name)
        value = value if column.encode is None else column.encode(value)
        values[column.name] = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def _read_cursor(cursor: str | Mapping[str, Any], columns: Sequence[Column]) -> list[str]:
    try:
        if isinstance(cursor, str):
            cursor = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
            cursor = msgspec.json.decode(cursor, type=dict[str, str])
        values = [cursor[column.name] for column in columns]
    except (ValueError, KeyError) as error:
        raise InvalidPageCursor from error
    if len(cursor) != len(columns) or not all(isinstance(value, str) for value in values):
        raise InvalidPageCursor
    return values

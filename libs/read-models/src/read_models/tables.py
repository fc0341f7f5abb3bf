"""The SQL of one view's table: made once from its columns."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar

import asyncpg

from read_models.view import SCHEMA, Key, View

__all__ = ["Connection", "Rows", "Table"]

R = TypeVar("R")

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

Rows: TypeAlias = "Connection | asyncpg.Pool[asyncpg.Record]"
"""Where rows are read when it need not be in a transaction."""

_DIGEST = """
SELECT count(*)::text || '-' || md5(
    coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0)::text || ':' ||
    coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0)::text)
FROM (SELECT md5(ROW({columns})::text) AS h FROM {table}) AS hashes
"""


# From here on two more round trips cost less than what they save.
_COPIED = 200


class Table(Generic[R]):
    """A view's rows in one physical table: the one that serves, or a shadow of it."""

    def __init__(self, view: View[R], relation: str | None = None) -> None:
        self.view = view
        self.relation = relation or view.relation
        self.name = f"{SCHEMA}.{self.relation}"
        columns, key = view.columns, view.key
        by_name = {column.name: column for column in columns}
        self._columns = columns
        self._key_columns = tuple(by_name[name] for name in key)
        self._values = attrgetter(*(column.name for column in columns))
        self._single = len(columns) == 1
        self.key_of = _keys(key)
        self._names = tuple(column.name for column in columns)
        names = ", ".join(self._names)
        others = [column.name for column in columns if column.name not in key]
        update = (
            "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in others)
            if others
            else "NOTHING"
        )
        wires = ", ".join(f"${n}::{column.wire}[]" for n, column in enumerate(columns, start=1))
        self._upsert = (
            f"INSERT INTO {self.name} ({names}) "
            f"SELECT {', '.join(column.unnested for column in columns)} "
            f"FROM unnest({wires}) AS v({names}) "
            f"ON CONFLICT ({', '.join(key)}) DO {update}"
        )
        self._staging = f"staged_{self.relation}"
        staged = ", ".join(f"{column.name} {column.wire}" for column in columns)
        self._stage = (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self._staging} ({staged}) ON COMMIT DELETE ROWS"
        )
        self._upsert_staged = (
            f"INSERT INTO {self.name} ({names}) "
            f"SELECT {', '.join(column.unnested for column in columns)} FROM pg_temp.{self._staging} "
            f"ON CONFLICT ({', '.join(key)}) DO {update}"
        )
        key_wires = ", ".join(
            f"${n}::{column.wire}[]" for n, column in enumerate(self._key_columns, start=1)
        )
        wanted = (
            f"(SELECT {', '.join(column.unnested for column in self._key_columns)} "
            f"FROM unnest({key_wires}) AS v({', '.join(key)}))"
        )
        self.selected = ", ".join(column.selected for column in columns)
        # A look-up per key: as a join, the plan made for the empty table would read all of the grown one.
        self._load = (
            f"SELECT found.* FROM {wanted} AS v({', '.join(key)}) CROSS JOIN LATERAL ("
            f"SELECT {self.selected} FROM {self.name} AS t "
            f"WHERE {' AND '.join(f't.{name} = v.{name}' for name in key)} LIMIT 1"
        )
        self._delete = f"DELETE FROM {self.name} WHERE ({', '.join(key)}) IN {wanted}"
        self._own = ", ".join(name.name for name in columns if name.name not in view.foreign)
        self._decodes = [
            (place, column.decode) for place, column in enumerate(columns) if column.decode
        ]

    async def create(self, connection: Connection) -> None:
        """Make the table and its indexes when they are not there."""
        view, short = self.view, self.relation
        definitions = ", ".join(column.definition for column in self._columns)
        statements = [
            f"CREATE TABLE IF NOT EXISTS {self.name} ({definitions}, "
            f"PRIMARY KEY ({', '.join(view.key)}))"
        ]
        if await connection.fetchval("SELECT to_regclass($1)", self.name) is not None:
            return
        statements += [
            f"CREATE INDEX ON {self.name} ({', '.join(index)})" for index in view.indexes
        ]
        if view.subject is not None:
            statements.append(f"CREATE INDEX ON {self.name} ({view.subject})")
        statements += [
            f"CREATE INDEX ON {self.name} ({index}) WHERE {condition}"
            for index, condition in view.partial_indexes.items()
        ]
        for statement in statements:
            await connection.execute(statement)
        await connection.execute(f"COMMENT ON TABLE {self.name} IS 'view {view.name} ({short})'")

    def row(self, record: Iterable[Any]) -> R:
        """A row of the view from the columns of `selected`, in that order."""
        values = list(record)
        for place, decode in self._decodes:
            values[place] = decode(values[place])
        return self.view.row(**dict(zip(self._names, values, strict=True)))

    async def load(
        self, connection: Rows, keys: Sequence[Key], *, lock: bool = False
    ) -> dict[Key, R]:
        """The rows of `keys` that are there."""
        key_of = self.key_of
        sql = self._load + (" FOR UPDATE) AS found" if lock else ") AS found")
        records = await connection.fetch(sql, *self._key_arrays(keys))
        return {key_of(row): row for row in map(self.row, records)}

    async def upsert(self, connection: Connection, rows: Sequence[R]) -> None:
        """Write rows, each key at most once."""
        if not rows:
            return
        if len(rows) >= _COPIED and not self._single:
            await self._copy(connection, rows)
            return
        values = map(self._values, rows)
        arrays = [list(values)] if self._single else [list(array) for array in zip(*values)]  # noqa: B905
        for place, column in enumerate(self._columns):
            if column.encode is not None:
                arrays[place] = list(map(column.encode, arrays[place]))
        await connection.execute(self._upsert, *arrays)

    async def _copy(self, connection: Connection, rows: Sequence[R]) -> None:
        """The same by way of a temporary table: the driver takes records twice as fast as arrays."""
        records: Iterable[Sequence[Any]] = map(self._values, rows)
        encodes = [(n, column.encode) for n, column in enumerate(self._columns) if column.encode]
        if encodes:
            records = (_encoded(self._values(row), encodes) for row in rows)
        await connection.execute(self._stage)
        await connection.copy_records_to_table(
            self._staging, schema_name="pg_temp", records=records, columns=self._names
        )
        await connection.execute(self._upsert_staged)

    async def delete(self, connection: Connection, keys: Sequence[Key]) -> None:
        """Delete the rows of `keys`."""
        if keys:
            await connection.execute(self._delete, *self._key_arrays(keys))

    async def digest(self, connection: Connection) -> str:
        """Count and order-independent hash of all rows; equal for equal contents."""
        await connection.execute("SET LOCAL timezone = 'UTC'")
        found: str = await connection.fetchval(_DIGEST.format(table=self.name, columns=self._own))
        return found

    async def carry(self, connection: Connection, old: str) -> None:
        """Take the foreign columns over from table `old` for rows that are otherwise equal.

        An older version of the view may have had other columns: those that both have are compared. Until the end of
        the transaction nobody writes the old table, so what is settled meanwhile is either carried or waits.
        """
        known = {
            name
            for (name,) in await connection.fetch(
                "SELECT attname::text FROM pg_attribute "
                "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
                old,
            )
        }
        taken = [name for name in self.view.foreign if name in known]
        if not taken or not known.issuperset(self.view.key):
            return
        # Only "=" can be hashed, merged or looked up, and a key is never null; the rest filters the pairs.
        same = [f"new.{name} = old.{name}" for name in self.view.key]
        same += [
            f"new.{name} IS NOT DISTINCT FROM old.{name}"
            for name in self._names
            if name in known.difference(self.view.foreign, self.view.key)
        ]
        await connection.execute(f"LOCK TABLE {old} IN EXCLUSIVE MODE")
        await connection.execute(
            f"UPDATE {self.name} AS new SET {', '.join(f'{name} = old.{name}' for name in taken)} "
            f"FROM {old} AS old WHERE {' AND '.join(same)}"
        )

    def hashes(self, connection: Connection) -> "asyncpg.cursor.CursorFactory[asyncpg.Record]":
        """Every row's key columns and hash, in the order of the key."""
        order = ", ".join(
            f'{column.name} COLLATE "C"' if column.sql == "text" else column.name
            for column in self._key_columns
        )
        return connection.cursor(
            f"SELECT {', '.join(self.view.key)}, md5(ROW({self._own})::text) AS hash "
            f"FROM {self.name} ORDER BY {order}",
            prefetch=1000,
        )

    def own(self, row: R | None) -> tuple[Any, ...] | None:
        """The values of a row without the foreign columns."""
        names = (column.name for column in self._columns if column.name not in self.view.foreign)
        return None if row is None else tuple(getattr(row, name) for name in names)

    def key(self, values: Iterable[Any]) -> Key:
        """A key of the view from the values of its columns."""
        return tuple(
            value if column.decode is None else column.decode(value)
            for column, value in zip(self._key_columns, values, strict=True)
        )

    def _key_arrays(self, keys: Iterable[Key]) -> list[list[Any]]:
        arrays = [list(array) for array in zip(*keys)]  # noqa: B905 - keys have one length
        for place, column in enumerate(self._key_columns):
            if column.encode is not None:
                arrays[place] = list(map(column.encode, arrays[place]))
        return arrays


def _encoded(
    record: tuple[Any, ...], encodes: Sequence[tuple[int, Callable[[Any], Any]]]
) -> list[Any]:
    values = list(record)
    for place, encode in encodes:
        values[place] = encode(values[place])
    return values


def _keys(names: tuple[str, ...]) -> Any:
    if len(names) == 1:
        (name,) = names
        single = attrgetter(name)
        return lambda row: (single(row),)
    return attrgetter(*names)

"""Making a view again from its events: to replace it, or to prove that it is right."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from event_store import START, Codec, Cursor, EventStore
from privacy.sealing import Sealers
from read_models.checkpoints import create_views
from read_models.folding import Fold, Reader
from read_models.tables import Connection, Table
from read_models.view import SCHEMA, View

__all__ = ["Difference", "RebuildRunning", "Verification", "digest", "purge", "rebuild", "verify"]

R = TypeVar("R")

_PAGE = 1000
_PURPOSES = ("rebuild", "verify")

# The tables of all versions of a view, what a broken rebuild left too, with the opened columns that each has.
_PERSONAL = """
SELECT c.relname::text, array_agg(a.attname::text) FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = ANY ($2::text[])
WHERE c.relnamespace = 'views'::regnamespace AND c.relkind = 'r'
AND c.relname ~ ('^' || $1 || '_v[0-9]+(_rebuild|_verify)?$')
AND EXISTS (SELECT FROM pg_attribute AS s WHERE s.attrelid = c.oid AND s.attname = $3)
GROUP BY c.relname ORDER BY c.relname
"""


class RebuildRunning(Exception):
    """The view is being rebuilt or verified by somebody else at this moment."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first key, in the order of keys, at which a view and its rebuilt twin differ; None where there is no row."""

    key: tuple[Any, ...]
    live: object | None
    rebuilt: object | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The digests of a view and of the same folded from its events, at one position."""

    position: Cursor
    live: str
    rebuilt: str
    difference: Difference | None

    @property
    def same(self) -> bool:
        """Whether the view is what its events say."""
        return self.live == self.rebuilt


class _Twin:
    """A second table of a view, filled from the store up to a moving position."""

    def __init__(
        self,
        store: EventStore,
        fold: Fold[Any],
        reader: Reader,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.fold, self.table, self.position = fold, fold.table, START
        self._store, self._reader, self._progress = store, reader, progress
        self._events = 0

    async def fill(self, connection: Connection, upto: Cursor | None) -> None:
        """Fold what is behind `position`, up to `upto` or the end of the store. Raises Poisoned."""
        if upto is not None and upto <= self.position:
            return
        pages = self._store.read_all(after=self.position, page_size=_PAGE)
        async with aclosing(self._reader.read(pages)) as steps:
            async for page, decoded in steps:
                if upto is not None and page.cursor > upto:
                    decoded = [step for step in decoded if step[1].position <= upto]  # noqa: PLW2901
                touches = self.fold.touches(decoded)
                await self.fold.fetch_keys(connection, touches)
                async with connection.transaction():
                    await self.fold.write(connection, touches)
                self.position = page.cursor if upto is None else min(page.cursor, upto)
                self._events += len(decoded)
                if self._progress is not None:
                    self._progress(self._events)
                if upto is not None and page.cursor >= upto:
                    return


async def rebuild(
    pool: "asyncpg.Pool[asyncpg.Record]",
    store: EventStore,
    codec: Codec[Any],
    view: View[Any],
    *,
    opener: Sealers | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Fill a shadow table from the first event on, then put it in the place of the one that serves.

    The old one serves until the swap, which is one short transaction; the runner notices and goes on behind it.
    `progress` is told how many of its events were folded so far. Raises Poisoned when an event cannot be taken
    (nothing has changed then), RebuildRunning.
    """
    async with _twin(pool, store, codec, view, "rebuild", opener, progress) as (twin, connection):
        await twin.fill(connection, None)
        live, shadow = Table(view), twin.table
        async with connection.transaction():
            position = await _position(connection, view, lock=True)
            await twin.fill(connection, position)
            await shadow.carry(connection, live.name)
            await connection.execute(f"DROP TABLE {live.name}")
            await connection.execute(f"ALTER TABLE {shadow.name} RENAME TO {live.relation}")
            await connection.execute(
                "UPDATE views.checkpoint SET position = $3, filled_at = now(), failure = NULL "
                "WHERE name = $1 AND version = $2",
                view.name,
                view.version,
                str(max(position, twin.position)),
            )


async def verify(
    pool: "asyncpg.Pool[asyncpg.Record]",
    store: EventStore,
    codec: Codec[Any],
    view: View[Any],
    *,
    opener: Sealers | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Fold a view again into a table beside it and compare both at one position; the view serves and moves on.

    Raises Poisoned, RebuildRunning.
    """
    async with _twin(pool, store, codec, view, "verify", opener, progress) as (twin, connection):
        await twin.fill(connection, await _position(connection, view))
        live = Table(view)
        # Reading only takes no transaction id, so a long comparison does not hold up the store's readers.
        async with (
            pool.acquire() as frozen,
            frozen.transaction(isolation="repeatable_read", readonly=True),
        ):
            position = await _position(frozen, view)
            live_digest = await live.digest(frozen)
            await twin.fill(connection, position)
            async with connection.transaction(readonly=True):
                rebuilt_digest = await twin.table.digest(connection)
                difference = None
                if live_digest != rebuilt_digest:
                    difference = await _difference(live, frozen, twin.table, connection)
        return Verification(position, live_digest, rebuilt_digest, difference)


async def digest(pool: "asyncpg.Pool[asyncpg.Record]", view: View[Any]) -> str:
    """Count and order-independent hash of the view's rows, foreign columns left out."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        return await Table(view).digest(connection)


async def purge(
    pool: "asyncpg.Pool[asyncpg.Record]", views: Sequence[View[Any]], subject: object
) -> int:
    """Empty the opened columns of a person in all views and their older versions; how many rows that were.

    To be called when the key is destroyed and no sealer of this process keeps it. Raises RebuildRunning while a twin
    of one of the views may hold what it opened before, and is to be called again then.
    """
    rows = 0
    for view in views:
        if view.opened:
            async with pool.acquire() as connection, connection.transaction():
                rows += await _purge(connection, view, subject)
    return rows


async def _purge(connection: Connection, view: View[Any], subject: object) -> int:
    for purpose in _PURPOSES:
        lock = _filling(Table(view, f"{view.relation}_{purpose}"))
        if not await connection.fetchval(
            "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", lock
        ):
            raise RebuildRunning(view.name)
    # A page that is being written moves its checkpoint first: from here on there is none with rows not yet to be seen.
    await connection.execute(
        "SELECT FROM views.checkpoint WHERE name = $1 ORDER BY version FOR UPDATE", view.name
    )
    rows = 0
    for table, columns in await connection.fetch(
        _PERSONAL, view.name, [opened.column for opened in view.opened], view.subject
    ):
        emptied = ", ".join(f"{column} = NULL" for column in columns)
        tag = await connection.execute(
            f"UPDATE {SCHEMA}.{table} SET {emptied} WHERE {view.subject} = $1", subject
        )
        rows += int(tag.split()[-1])
    return rows


@asynccontextmanager
async def _twin(
    pool: "asyncpg.Pool[asyncpg.Record]",
    store: EventStore,
    codec: Codec[Any],
    view: View[Any],
    purpose: str,
    opener: Sealers | None,
    progress: Callable[[int], None] | None,
) -> AsyncIterator[tuple[_Twin, Connection]]:
    await create_views(pool, [view])
    reader = Reader(codec, [view])
    table = Table(view, f"{view.relation}_{purpose}")
    lock = _filling(table)
    async with pool.acquire() as connection:
        if not await connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", lock
        ):
            raise RebuildRunning(view.name)
        try:
            await connection.execute(f"DROP TABLE IF EXISTS {table.name}")
            await table.create(connection)
            yield _Twin(store, Fold(table, reader, opener), reader, progress), connection
        finally:
            if not connection.is_closed():
                await connection.execute(f"DROP TABLE IF EXISTS {table.name}")
                await connection.fetchval(
                    "SELECT pg_advisory_unlock(hashtextextended($1, 0))", lock
                )


def _filling(table: Table[Any]) -> str:
    """The name of the lock that whoever fills a twin holds."""
    return f"{table.name} is being filled"


async def _position(connection: Connection, view: View[Any], *, lock: bool = False) -> Cursor:
    text = await connection.fetchval(
        "SELECT position FROM views.checkpoint WHERE name = $1 AND version = $2"
        + (" FOR UPDATE" if lock else ""),
        view.name,
        view.version,
    )
    return Cursor.parse(text)


async def _difference(
    live: Table[R], frozen: Connection, rebuilt: Table[R], connection: Connection
) -> Difference | None:
    """Walk both tables in the order of the key to the first pair that is not equal."""
    width = len(live.view.key)
    lefts, rights = aiter(live.hashes(frozen)), aiter(rebuilt.hashes(connection))
    while True:
        left, right = await anext(lefts, None), await anext(rights, None)
        if left is None and right is None:
            return None
        if left is None or right is None or tuple(left) != tuple(right):
            break
    for record in (left, right):
        if record is None:
            continue
        key = live.key(tuple(record)[:width])
        ours = (await live.load(frozen, [key])).get(key)
        theirs = (await rebuilt.load(connection, [key])).get(key)
        if live.own(ours) != live.own(theirs):
            return Difference(key, ours, theirs)
    return None

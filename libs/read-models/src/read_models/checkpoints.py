"""How far each version of each view has come: one row each, moved by compare-and-set in the rows' transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from asyncpg import Pool, Record

from event_store import Cursor
from read_models.tables import Connection, Table
from read_models.view import SCHEMA, View

__all__ = ["Lost", "Place", "create_views", "drop_superseded", "mark_filled", "move", "places"]

# A crowd of processes may start at once; CREATE ... IF NOT EXISTS alone is not safe against that.
_CREATION_LOCK = 7_105_300_411_803_172_001

_CREATE = """
CREATE SCHEMA IF NOT EXISTS views;
CREATE TABLE IF NOT EXISTS views.checkpoint (
    name text NOT NULL,
    version integer NOT NULL,
    position text NOT NULL DEFAULT '',
    filled_at timestamptz,
    failure text,
    PRIMARY KEY (name, version)
) WITH (fillfactor = 50);
"""

_MOVE = """
UPDATE views.checkpoint AS c SET position = $4
FROM unnest($1::text[], $2::integer[], $3::text[]) AS was(name, version, position)
WHERE c.name = was.name AND c.version = was.version AND c.position = was.position
"""

_SUPERSEDED = """
SELECT old.name, old.version FROM views.checkpoint AS old
JOIN views.checkpoint AS new ON new.name = old.name AND new.version > old.version
JOIN unnest($1::text[], $2::integer[]) AS ours(name, version)
ON ours.name = new.name AND ours.version = new.version
WHERE new.filled_at < now() - interval '1 hour'
"""
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"


class Lost(Exception):
    """A checkpoint was not where this worker had left it: another one projects the view, or it was rebuilt."""


class Place(NamedTuple):
    """Where a version of a view stands, whether it has ever caught up, and whether an event has stopped it."""

    position: Cursor
    filled: bool
    failed: bool


async def create_views(pool: "Pool[Record]", views: Iterable[View[Any]]) -> None:
    """Make the schema, the tables and the checkpoints that are not there yet; safe from several processes."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _CREATION_LOCK)
        await connection.execute(_CREATE)
        for view in views:
            await Table(view).create(connection)
            await connection.execute(
                "INSERT INTO views.checkpoint (name, version) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                view.name,
                view.version,
            )


async def drop_superseded(connection: Connection, views: Sequence[View[Any]]) -> None:
    """Drop older versions an hour after the one of `views` was filled: until then processes of before may read them.

    One that is still projected by such a process stays: it would only make the table again.
    """
    superseded = await connection.fetch(
        _SUPERSEDED, [view.name for view in views], [view.version for view in views]
    )
    for name, version in superseded:
        table = f"{SCHEMA}.{name}_v{version}"
        async with connection.transaction():
            if await connection.fetchval(_TRY_LOCK, table):
                await connection.execute(f"DROP TABLE IF EXISTS {table}")
                await connection.execute(
                    "DELETE FROM views.checkpoint WHERE name = $1 AND version = $2", name, version
                )


async def places(
    connection: "Connection | Pool[Record]", views: Sequence[View[Any]]
) -> dict[tuple[str, int], Place]:
    """The places of views, by name and version; a view without a checkpoint is left out."""
    found = await connection.fetch(
        "SELECT name, version, position, filled_at IS NOT NULL, failure IS NOT NULL FROM views.checkpoint "
        "WHERE (name, version) IN (SELECT * FROM unnest($1::text[], $2::integer[]))",
        [view.name for view in views],
        [view.version for view in views],
    )
    return {
        (name, at): Place(Cursor.parse(text), filled, failed)
        for name, at, text, filled, failed in found
    }


async def move(
    connection: Connection, views: Sequence[tuple[View[Any], Cursor]], to: Cursor
) -> None:
    """Move the checkpoints of `views` from where each is believed to be. Raises Lost when one is elsewhere."""
    tag = await connection.execute(
        _MOVE,
        [view.name for view, _ in views],
        [view.version for view, _ in views],
        [_text(position) for _, position in views],
        _text(to),
    )
    if tag != f"UPDATE {len(views)}":
        raise Lost


def _text(position: Cursor) -> str:
    return str(position) if position > (0, 0) else ""


async def mark_filled(pool: "Pool[Record]", views: Sequence[View[Any]]) -> None:
    """Note that views have caught up for the first time, or again after a failure.

    A first one takes over what others had written into the table of the version before.
    """
    async with pool.acquire() as connection, connection.transaction():
        for view in views:
            first = await connection.fetchval(
                "UPDATE views.checkpoint AS c SET filled_at = coalesce(filled_at, now()), failure = NULL "
                "FROM (SELECT name, version, filled_at IS NULL AS first FROM views.checkpoint) AS was "
                "WHERE c.name = $1 AND c.version = $2 AND was.name = $1 AND was.version = $2 "
                "AND (c.filled_at IS NULL OR c.failure IS NOT NULL) RETURNING was.first",
                view.name,
                view.version,
            )
            if first and view.foreign:
                before = await connection.fetchval(
                    "SELECT max(version) FROM views.checkpoint WHERE name = $1 AND version < $2",
                    view.name,
                    view.version,
                )
                if before is not None:
                    await Table(view).carry(connection, f"views.{view.name}_v{before}")

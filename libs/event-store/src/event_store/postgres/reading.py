"""Reading: one stream by revision, all streams by (order key, position) below the horizon."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Final, NamedTuple

import asyncpg

from event_store.postgres.connections import Pool, translated_errors
from event_store.records import START, Cursor, EventFilter, Page, RecordedEvent, StreamName

COLUMNS: Final = "id, stream, revision, type, data, metadata, order_key, position"
_STREAM_PAGE: Final = 500

_FORWARDS: Final = f"""
    SELECT {COLUMNS} FROM event_store.events
    WHERE stream = $1 AND revision > $2 ORDER BY revision LIMIT $3
"""  # noqa: S608 - constant text

_BACKWARDS: Final = f"""
    SELECT {COLUMNS} FROM event_store.events
    WHERE stream = $1 AND revision > $2 AND revision < $4 ORDER BY revision DESC LIMIT $3
"""  # noqa: S608 - constant text

_BEFORE_ALL: Final = 2**63 - 1
_NEWS_BYTES: Final = 8_000_000
"""News end with the event that brings them to so many, however many events were asked for."""

# Sizes stand in a row's own page: nothing is fetched for what is left to the next page.
_BYTES_BEFORE: Final = """
    sum(octet_length(data) + octet_length(metadata)) OVER (
        ORDER BY order_key, position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS bytes_before
"""

_ENDS: Final = """
    (SELECT true AS visible, order_key, position FROM event_store.events
     WHERE order_key < event_store.horizon() ORDER BY order_key DESC, position DESC LIMIT 1)
    UNION ALL
    (SELECT false, order_key, position FROM event_store.events
     ORDER BY order_key DESC, position DESC LIMIT 1)
"""

# What is new, and whether anything that is committed has to wait for an older transaction: in one snapshot.
_NEWS: Final = f"""
    SELECT page.*, ahead.hidden FROM (
        SELECT coalesce((
            SELECT order_key >= event_store.horizon() FROM event_store.events
            ORDER BY order_key DESC, position DESC LIMIT 1
        ), false) AS hidden
    ) AS ahead LEFT JOIN LATERAL (
        SELECT {COLUMNS}, category, {_BYTES_BEFORE} FROM event_store.events
        WHERE (order_key, position) > ($1, $2) AND order_key < event_store.horizon()
        ORDER BY order_key, position LIMIT $3
    ) AS page ON bytes_before IS NULL OR bytes_before < {_NEWS_BYTES}
    ORDER BY page.order_key, page.position
"""  # noqa: S608 - constant text

_LAG: Final = """
    SELECT pg_snapshot_xmax(snapshot)::text::bigint - pg_snapshot_xmin(snapshot)::text::bigint AS transactions,
           coalesce(extract(epoch FROM (
               SELECT max(clock_timestamp() - xact_start) FROM pg_stat_activity WHERE backend_xid IS NOT NULL
           )), 0)::float8 AS seconds,
           (SELECT count(*) FROM event_store.events WHERE order_key >= event_store.horizon()) AS events
    FROM pg_current_snapshot() AS snapshot
"""


class Ends(NamedTuple):
    """The last event below the horizon, and the last committed one."""

    visible: Cursor
    newest: Cursor


class News(NamedTuple):
    """Events below the horizon with their categories, and where they end."""

    events: Sequence[RecordedEvent]
    categories: Sequence[str]
    cursor: Cursor
    is_full: bool
    """Whether more may be there than was asked for, or than may come at once."""
    more_is_hidden: bool
    """Whether something is committed behind a transaction that is still open."""


class HorizonLag(NamedTuple):
    """What readers wait for.

    `transactions` is how many transaction ids lie between the oldest one in flight and the next; `seconds` is the age
    of the oldest writing transaction of the whole server, in any database; `events` are committed but not yet readable
    in order.
    """

    transactions: int
    seconds: float
    events: int


async def stream_pages(
    pool: Pool, stream: StreamName, *, after: int, backwards: bool, limit: int | None
) -> AsyncIterator[Sequence[RecordedEvent]]:
    """See the port's `read_stream`."""
    name, before, left = str(stream), _BEFORE_ALL, limit
    while left is None or left > 0:
        size = _STREAM_PAGE if left is None else min(left, _STREAM_PAGE)
        with translated_errors():
            if backwards:
                rows = await pool.fetch(_BACKWARDS, name, after, size, before)
            else:
                rows = await pool.fetch(_FORWARDS, name, after, size)
        if rows:
            yield _events(rows)
        if len(rows) < size:
            return
        before = after_next = rows[-1]["revision"]
        after = after if backwards else after_next
        left = None if left is None else left - size


async def stream_page(pool: Pool, name: str, after: int, size: int) -> list[RecordedEvent]:
    """The first events of a stream behind a revision."""
    with translated_errors():
        return _events(await pool.fetch(_FORWARDS, name, after, size))


async def ends(pool: Pool) -> Ends:
    """Both ends of the order now, START where there is nothing."""
    with translated_errors():
        rows = await pool.fetch(_ENDS)
    found = {visible: Cursor(order_key, position) for visible, order_key, position in rows}
    return Ends(found.get(True, START), found.get(False, START))


async def news(pool: Pool, after: Cursor, limit: int) -> News:
    """What is behind `after` now, at most `limit` events."""
    with translated_errors():
        rows = await pool.fetch(_NEWS, *after, limit)
    hidden: bool = rows[0]["hidden"]
    if rows[0]["id"] is None:
        return News((), (), after, is_full=False, more_is_hidden=hidden)
    events = [RecordedEvent(*row[:8]) for row in rows]
    return News(
        events,
        [row[8] for row in rows],
        events[-1].cursor,
        is_full=len(rows) == limit
        or (rows[-1]["bytes_before"] or 0) + _size(rows[-1]) >= _NEWS_BYTES,
        more_is_hidden=hidden,
    )


async def horizon_lag(pool: Pool) -> HorizonLag:
    """How far readers are behind writers, for a metric and an alarm."""
    with translated_errors():
        row = await pool.fetchrow(_LAG)
    assert row is not None  # noqa: S101 - a select without a condition
    return HorizonLag(*row)


async def all_pages(
    pool: Pool, *, after: Cursor, end: Cursor, where: EventFilter, page_size: int
) -> AsyncIterator[Page]:
    """Pages behind `after` up to and including `end`, which lies below the horizon; one page is read ahead.

    The last page has the cursor `end`, so that a filter that hides the newest events does not hold a reader back.
    """
    if end <= after:
        yield Page((), after, caught_up=True)
        return
    rows = await _fetch(pool, after, end, where, page_size)
    while True:
        cursor = Cursor(*rows[-1][6:8]) if len(rows) == page_size else end
        if cursor == end:
            yield Page(_events(rows), end, caught_up=True)
            return
        ahead = asyncio.create_task(_fetch(pool, cursor, end, where, page_size))
        try:
            await asyncio.sleep(
                0
            )  # so that the server works on it while our caller works on this page
            yield Page(_events(rows), cursor, caught_up=False)
            rows = await ahead
        finally:
            await _abandon(ahead)


async def _abandon(task: "asyncio.Task[list[asyncpg.Record]]") -> None:
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()


async def _fetch(
    pool: Pool, after: Cursor, end: Cursor, where: EventFilter, limit: int
) -> list[asyncpg.Record]:
    filters = [sorted(wanted) for wanted in (where.categories, where.families) if wanted]
    statement = _page_statement(bool(where.categories), bool(where.families))
    with translated_errors():
        return await pool.fetch(statement, *after, *end, limit, *filters)


@cache
def _page_statement(by_category: bool, by_family: bool) -> str:  # noqa: FBT001
    conditions = ["(order_key, position) > ($1, $2)", "(order_key, position) <= ($3, $4)"]
    for wanted, column in ((by_category, "category"), (by_family, "split_part(type, '.v', 1)")):
        if wanted:
            conditions.append(f"{column} = ANY(${len(conditions) + 4}::text[])")
    return f"""
        SELECT {COLUMNS} FROM event_store.events WHERE {" AND ".join(conditions)}
        ORDER BY order_key, position LIMIT $5
    """  # noqa: S608 - only constants


def _size(row: asyncpg.Record) -> int:
    return len(row["data"]) + len(row["metadata"])


def _events(rows: Sequence[asyncpg.Record]) -> list[RecordedEvent]:
    return [RecordedEvent(*row) for row in rows]

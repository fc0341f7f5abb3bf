"""One append, or many in one statement: the SQL and what its answers mean."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from event_store.postgres.connections import Connection
from event_store.records import (
    NO_STREAM,
    AppendConflict,
    Appended,
    Cursor,
    IdempotencyViolation,
    NewEvent,
    StreamName,
)


class Request(NamedTuple):
    """What one caller wants appended."""

    stream: StreamName
    events: Sequence[NewEvent]
    expected: int


_STORE_ONE: Final = """
    INSERT INTO event_store.events (order_key, revision, id, stream, category, type, data, metadata)
    SELECT head.last_order_key, $3::bigint + 1, $4, $1, $2, $5, $6, $7 FROM head
    RETURNING order_key, position
"""

_CREATE_ONE: Final = f"""
    WITH head AS (
        INSERT INTO event_store.streams (stream, category, revision, tenant, last_order_key)
        VALUES ($1, $2, $3::bigint + 1, $8, event_store.order_key_now())
        ON CONFLICT (stream) DO NOTHING
        RETURNING last_order_key
    )
    {_STORE_ONE}
"""  # noqa: S608 - constant text

_ADVANCE_ONE: Final = f"""
    WITH head AS (
        UPDATE event_store.streams
        SET revision = revision + 1,
            last_order_key = greatest(last_order_key, event_store.order_key_now())
        WHERE stream = $1 AND revision = $3::bigint
        RETURNING last_order_key
    )
    {_STORE_ONE}
"""  # noqa: S608 - constant text

# `wanted` comes sorted and has each stream once: new heads are inserted in that order, then the others are locked in
# that order, so that two processes never wait for each other in a circle. What is locked at its expected revision
# cannot have moved since the snapshot, so its place is still good for the update.
_APPEND_MANY: Final = """
    WITH wanted AS MATERIALIZED (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
            AS wanted(stream, category, tenant, expected, size)
    ), created AS (
        INSERT INTO event_store.streams (stream, category, tenant, revision, last_order_key)
        SELECT stream, category, tenant, size - 1, event_store.order_key_now()
        FROM wanted WHERE expected = -1
        ON CONFLICT (stream) DO NOTHING
        RETURNING stream, category, last_order_key
    ), locked AS (
        SELECT head.place, wanted.size
        FROM wanted CROSS JOIN LATERAL (
            SELECT ctid AS place, revision FROM event_store.streams
            WHERE stream = wanted.stream
            FOR UPDATE
        ) AS head
        WHERE wanted.expected >= 0 AND head.revision = wanted.expected
            AND (SELECT count(*) FROM created) >= 0
    ), advanced AS (
        UPDATE event_store.streams AS head
        SET revision = head.revision + locked.size,
            last_order_key = greatest(head.last_order_key, event_store.order_key_now())
        FROM locked WHERE head.ctid = locked.place
        RETURNING head.stream, head.category, head.last_order_key
    ), head AS (
        SELECT * FROM created UNION ALL SELECT * FROM advanced
    )
    INSERT INTO event_store.events (order_key, revision, id, stream, category, type, data, metadata)
    SELECT head.last_order_key, event.revision, event.id, head.stream, head.category,
           event.type, event.data, event.metadata
    FROM head JOIN unnest($6::text[], $7::bigint[], $8::uuid[], $9::text[], $10::bytea[], $11::bytea[])
        AS event(stream, revision, id, type, data, metadata) USING (stream)
    ORDER BY event.stream, event.revision
    RETURNING stream, revision, order_key, position
"""

_WHAT_IS_THERE: Final = """
    SELECT head.revision AS actual, event.id, event.revision, event.order_key, event.position
    FROM event_store.streams AS head
    LEFT JOIN event_store.events AS event
        ON event.stream = head.stream AND event.revision > $2 AND event.revision <= $2 + $3
    WHERE head.stream = $1
    ORDER BY event.revision
"""


async def append_one(connection: Connection, request: Request) -> Appended:
    """Append by itself. Raises AppendConflict or IdempotencyViolation."""
    stream, events, expected = request
    try:
        if len(events) > 1:
            [appended] = await append_many(connection, [request])
            return appended or await explain(connection, request)
        [event] = events
        place = (str(stream), stream.category, expected)
        fields = (event.id, event.type, event.data, event.metadata)
        rows = (
            await connection.fetch(_CREATE_ONE, *place, *fields, stream.tenant)
            if expected == NO_STREAM
            else await connection.fetch(_ADVANCE_ONE, *place, *fields)
        )
    except asyncpg.UniqueViolationError as error:
        raise IdempotencyViolation(str(stream)) from error
    if rows:
        return Appended(expected + 1, Cursor(*rows[0]))
    return await explain(connection, request)


async def append_many(connection: Connection, requests: Sequence[Request]) -> list[Appended | None]:
    """Append for several streams in one statement; None where a stream was not at its expected revision.

    No stream may stand in `requests` twice. Raises UniqueViolationError when any event id is in the store already.
    """
    named = {str(request.stream): request for request in requests}
    names = sorted(named)
    ordered = [named[name] for name in names]
    flat = [
        (name, revision, event)
        for name, request in zip(names, ordered, strict=True)
        for revision, event in enumerate(request.events, start=request.expected + 1)
    ]
    rows = await connection.fetch(
        _APPEND_MANY,
        names,
        [request.stream.category for request in ordered],
        [request.stream.tenant for request in ordered],
        [request.expected for request in ordered],
        [len(request.events) for request in ordered],
        [name for name, _, _ in flat],
        [revision for _, revision, _ in flat],
        [event.id for _, _, event in flat],
        [event.type for _, _, event in flat],
        [event.data for _, _, event in flat],
        [event.metadata for _, _, event in flat],
    )
    appended = {
        stream: Appended(revision, Cursor(order_key, position))
        for stream, revision, order_key, position in rows
    }
    return [appended.get(name) for name in named]


async def explain(connection: Connection, request: Request) -> Appended:
    """Why an append found no stream at its expected revision: a repeat answers, all else raises."""
    stream, events, expected = request
    rows = await connection.fetch(_WHAT_IS_THERE, str(stream), expected, len(events))
    there = [row for row in rows if row["id"] is not None]
    ids = [event.id for event in events]
    if [row["id"] for row in there] == ids:
        last = there[-1]
        return Appended(
            last["revision"], Cursor(last["order_key"], last["position"]), repeated=True
        )
    if not {row["id"] for row in there}.isdisjoint(ids):
        raise IdempotencyViolation(str(stream))
    raise AppendConflict(stream, expected, rows[0]["actual"] if rows else NO_STREAM)

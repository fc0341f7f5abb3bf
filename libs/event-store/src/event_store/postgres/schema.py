"""Tables of the store, and the order key.

Order: an append locks the row of its stream first. Its order key is the greater of its transaction's id and the last
order key of the stream, and its position comes from a sequence, taken after the lock. Readers take what has an order
key below the horizon, the oldest transaction id in flight, in the order of (order key, position). Whatever is still
to commit has a key at or above the horizon, so nothing can appear behind a reader; and within a stream keys never
fall and positions rise, so a stream is read in its order. Writers of different streams never wait for each other.
"""

import logging
from typing import Final

from event_store.postgres.connections import Connection, Pool, translated_errors

_LOCK: Final = 0x6576656E7473  # "events"

_MIGRATIONS: Final = (
    """
    CREATE TABLE event_store.streams (
        stream text PRIMARY KEY,
        category text NOT NULL,
        tenant text NOT NULL,
        revision bigint NOT NULL,
        last_order_key bigint NOT NULL
    ) WITH (fillfactor = 70);

    CREATE TABLE event_store.events (
        order_key bigint NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY,
        revision bigint NOT NULL,
        id uuid NOT NULL UNIQUE,
        stream text NOT NULL,
        category text NOT NULL,
        type text NOT NULL,
        data bytea NOT NULL,
        metadata bytea NOT NULL,
        PRIMARY KEY (order_key, position),
        UNIQUE (stream, revision)
    );

    CREATE TABLE event_store.snapshots (
        stream text PRIMARY KEY,
        schema text NOT NULL,
        revision bigint NOT NULL,
        order_key bigint NOT NULL,
        position bigint NOT NULL,
        state bytea NOT NULL
    );
    """,
)

# SQL functions that the planner puts in place of their calls. Made anew by `rebase`, never changed otherwise.
_ORDER_FUNCTIONS: Final = """
    CREATE OR REPLACE FUNCTION event_store.order_base() RETURNS bigint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT {base}::bigint';
    CREATE OR REPLACE FUNCTION event_store.order_key_now() RETURNS bigint
        LANGUAGE sql VOLATILE AS 'SELECT pg_current_xact_id()::text::bigint + {base}::bigint';
    CREATE OR REPLACE FUNCTION event_store.horizon() RETURNS bigint
        LANGUAGE sql STABLE PARALLEL SAFE
        AS 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + {base}::bigint';
"""

# How far the keys of new events are from coming behind the greatest stored one.
_MISSING: Final = """
    SELECT coalesce(max(order_key), 0) + 1 - event_store.order_key_now() FROM event_store.events
"""

_log: Final = logging.getLogger(__name__)


async def migrate(pool: Pool) -> None:
    """Create or complete the schema `event_store`. Processes that start together wait for each other."""
    with translated_errors():
        async with pool.acquire() as connection:
            await _warn_of_forgotten_transactions(connection)
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                await connection.execute("CREATE SCHEMA IF NOT EXISTS event_store")
                await connection.execute(
                    "CREATE TABLE IF NOT EXISTS event_store.migrations (number int PRIMARY KEY)"
                )
                done = await connection.fetchval("SELECT count(*) FROM event_store.migrations")
                if done == 0:
                    await connection.execute(_ORDER_FUNCTIONS.format(base=0))
                for number, migration in enumerate(_MIGRATIONS[done:], start=done + 1):
                    await connection.execute(migration)
                    await connection.execute(
                        "INSERT INTO event_store.migrations VALUES ($1)", number
                    )


async def rebase(pool: Pool) -> int:
    """Make a logically restored store readable and writable in its order again; needed once, before services start.

    A dump keeps order keys, but the server it is restored into counts transactions from its own, possibly lower,
    number: old events would hide above the horizon and new ones would sort before them. So the number that is added
    to transaction ids is raised to where new keys begin behind the greatest stored one. Stored events, and cursors
    that others keep, stay as they are. Answers that number; running it again without need changes nothing. A
    physical copy, a replica that was promoted and a crash need none of this.
    """
    with translated_errors():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(
                "LOCK TABLE event_store.streams, event_store.events IN ACCESS EXCLUSIVE MODE"
            )
            base: int = await connection.fetchval("SELECT event_store.order_base()")
            missing: int = await connection.fetchval(_MISSING)
            if missing > 0:
                base += missing
                await connection.execute(_ORDER_FUNCTIONS.format(base=base))
            return base


class NeedsRebase(Exception):
    """The store was restored into a server that has counted less: nothing may be written before `rebase`."""


async def needs_rebase(pool: Pool) -> bool:
    """Whether new events would sort before stored ones. Raises LookupError where there is no store."""
    with translated_errors():
        if await pool.fetchval("SELECT to_regclass('event_store.events')") is None:
            raise LookupError("this database has no event store")
        return bool(await pool.fetchval(_MISSING) > 0)


async def _warn_of_forgotten_transactions(connection: Connection) -> None:
    if await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "0":
        _log.warning(
            "idle_in_transaction_session_timeout is off: a forgotten transaction would hold up every reader"
        )

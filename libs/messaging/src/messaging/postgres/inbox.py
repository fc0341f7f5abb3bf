"""The inbox in the service's own database: marks commit with the effects that they stand for."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from messaging.envelope import Envelope, from_headers, to_headers
from messaging.inbox import (
    NO_INSTANCES,
    Apply,
    Attempt,
    Claim,
    Fenced,
    Flow,
    FlowPosition,
    Instances,
    OpenInstance,
    OpenInstances,
    ParkedKey,
    Progress,
    StepAside,
)
from messaging.postgres.connections import (
    Connection,
    Pool,
    Session,
    migrate,
    transaction,
    translated_errors,
)

__all__ = ["PostgresInbox"]

_MIGRATIONS: Final = (
    """
    CREATE TABLE messaging.flow (
        consumer text NOT NULL,
        source text NOT NULL,
        partition int NOT NULL,
        token bigint NOT NULL,
        holder text NOT NULL,
        expires_at timestamptz,
        session_pid int,
        session_start timestamptz,
        mark text NOT NULL DEFAULT '',
        "offset" bigint NOT NULL DEFAULT -1,
        begun text NOT NULL DEFAULT '',
        PRIMARY KEY (consumer, source, partition)
    ) WITH (fillfactor = 50);

    CREATE TABLE messaging.aside (
        consumer text NOT NULL,
        source text NOT NULL,
        partition int NOT NULL,
        key text NOT NULL,
        attempts int NOT NULL,
        postponed int NOT NULL,
        error text,
        since timestamptz NOT NULL DEFAULT clock_timestamp(),
        retry_at timestamptz,
        PRIMARY KEY (consumer, source, partition, key)
    );

    CREATE TABLE messaging.parked (
        consumer text NOT NULL,
        source text NOT NULL,
        partition int NOT NULL,
        key text NOT NULL,
        number bigint GENERATED ALWAYS AS IDENTITY,
        event_id uuid NOT NULL,
        headers json NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (consumer, source, partition, key, number)
    );

    CREATE TABLE messaging.discarded (
        consumer text NOT NULL,
        source text NOT NULL,
        partition int NOT NULL,
        key text NOT NULL,
        event_id uuid NOT NULL,
        headers json NOT NULL,
        data bytea NOT NULL,
        reason text NOT NULL,
        discarded_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );

    CREATE TABLE messaging.instance (
        process text NOT NULL,
        instance text NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        PRIMARY KEY (process, instance)
    );
    """,
)

_CLAIM: Final = """
    INSERT INTO messaging.flow AS f
        (consumer, source, partition, token, holder, expires_at, session_pid, session_start)
    VALUES ($1, $2, $3, 1, $4, clock_timestamp() + $5::interval, $6, $7)
    ON CONFLICT (consumer, source, partition) DO UPDATE SET
        token = f.token + 1, holder = excluded.holder, expires_at = excluded.expires_at,
        session_pid = excluded.session_pid, session_start = excluded.session_start
    WHERE $5::interval IS NULL OR f.holder = excluded.holder
        OR f.expires_at IS NULL OR f.expires_at <= clock_timestamp()
        OR NOT EXISTS (
            SELECT FROM pg_stat_activity a
            WHERE a.pid = f.session_pid AND a.backend_start = f.session_start)
    RETURNING token, mark, "offset", begun
"""

_HELD: Final = "consumer = $1 AND source = $2 AND partition = $3 AND token = $4"

# A claim that is still good has a row, also where no key is aside.
_ASIDE_KEYS: Final = f"""
    SELECT a.key FROM messaging.flow LEFT JOIN messaging.aside a USING (consumer, source, partition)
    WHERE {_HELD}
"""  # noqa: S608 - constant text

_DUE: Final = f"""
    SELECT due.* FROM messaging.flow f LEFT JOIN LATERAL (
        SELECT key, error IS NULL AND attempts > 0 AS suspect, retry_at FROM messaging.aside a
        WHERE (a.consumer, a.source, a.partition) = (f.consumer, f.source, f.partition)
            AND retry_at <= clock_timestamp()
        ORDER BY retry_at, key LIMIT $5
    ) AS due ON true
    WHERE {_HELD} ORDER BY retry_at, key
"""  # noqa: S608 - constant text

_KEY: Final = "consumer = $1 AND source = $2 AND partition = $3 AND key = $4"

_ASIDE: Final = """
    INSERT INTO messaging.aside (consumer, source, partition, key, attempts, postponed, error, retry_at)
    SELECT $1, $2, $3, key, attempts, postponed, error, clock_timestamp() + delay
    FROM unnest($4::text[], $5::int[], $6::int[], $7::text[], $8::interval[])
        AS step(key, attempts, postponed, error, delay)
    ON CONFLICT (consumer, source, partition, key) DO UPDATE SET
        attempts = excluded.attempts, postponed = excluded.postponed,
        error = excluded.error, retry_at = excluded.retry_at
"""

# A follower may be parked just when the last parked event of its key was handled: its key is then aside once more.
_STILL_ASIDE: Final = """
    INSERT INTO messaging.aside (consumer, source, partition, key, attempts, postponed, error, retry_at)
    SELECT DISTINCT $1, $2, $3::int, key, 0, 0, '', clock_timestamp() FROM unnest($4::text[]) AS parked(key)
    ON CONFLICT DO NOTHING
"""

_PARK: Final = """
    INSERT INTO messaging.parked (consumer, source, partition, key, event_id, headers, data)
    SELECT $1, $2, $3, key, event_id, headers, data
    FROM unnest($4::text[], $5::uuid[], $6::json[], $7::bytea[])
        WITH ORDINALITY AS event(key, event_id, headers, data, place)
    ORDER BY place
"""

# A batch may start or end one instance twice.
_START: Final = """
    INSERT INTO messaging.instance AS i (process, instance, started_at)
    SELECT DISTINCT ON (process, instance) process, instance, at
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS started(process, instance, at)
    ORDER BY process, instance, at
    ON CONFLICT (process, instance) DO UPDATE SET started_at = coalesce(i.started_at, excluded.started_at)
    RETURNING ended_at IS NOT NULL AS is_over
"""

# The start of what ends may be parked; where nothing is, an unknown start was never one.
_END: Final = """
    INSERT INTO messaging.instance AS i (process, instance, ended_at)
    SELECT DISTINCT ON (process, instance) process, instance, at
    FROM unnest($4::text[], $5::text[], $6::timestamptz[]) AS ended(process, instance, at)
    WHERE EXISTS (
        SELECT FROM messaging.aside WHERE consumer = $1 AND source = $2 AND partition = $3
    ) OR EXISTS (
        SELECT FROM messaging.instance AS known
        WHERE known.process = ended.process AND known.instance = ended.instance
    )
    ORDER BY process, instance, at
    ON CONFLICT (process, instance) DO UPDATE SET ended_at = coalesce(i.ended_at, excluded.ended_at)
"""

_FORGET: Final = """
    DELETE FROM messaging.instance i USING unnest($1::text[], $2::text[]) AS done(process, instance)
    WHERE i.process = done.process AND i.instance = done.instance
        AND started_at IS NOT NULL AND ended_at IS NOT NULL
"""

_FORGET_ENDS: Final = """
    DELETE FROM messaging.instance WHERE process = $1 AND started_at IS NULL AND NOT EXISTS (
        SELECT FROM messaging.aside WHERE consumer = $1 AND source = $2 AND partition = $3)
"""

_JSON: Final = msgspec.json.Encoder()
_HEADERS: Final = msgspec.json.Decoder(dict[str, str])


class PostgresInbox:
    """The inbox port in one PostgreSQL database."""

    def __init__(self, pool: Pool) -> None:
        """Use `open`."""
        self._pool = pool
        self._session = Session(pool, "messaging_inbox", _ignore)

    @classmethod
    async def open(cls, pool: Pool) -> "PostgresInbox":
        """Create or complete the schema `messaging` and give the inbox.

        The pool stays the caller's; one of its connections is kept from the first lease on until `close`.
        Raises MessagingUnavailable.
        """
        await migrate(pool, "messaging", _MIGRATIONS)
        return cls(pool)

    async def close(self) -> None:
        """Give the kept connection back; call it before the pool is closed."""
        await self._session.close()

    async def claim(self, flow: Flow, *, holder: str, ttl: timedelta | None = None) -> Claim | None:
        """See the port."""
        session = await self._session.identity() if ttl is not None else (None, None)
        with translated_errors():
            row = await self._pool.fetchrow(_CLAIM, *_of(flow), holder, ttl, *session)
        if row is None:
            return None
        return Claim(flow, row["token"], row["mark"], row["offset"], row["begun"])

    async def renew(self, claim: Claim, ttl: timedelta) -> None:
        """See the port."""
        await self._update(
            claim,
            "expires_at = clock_timestamp() + $5, session_pid = $6, session_start = $7",
            ttl,
            *await self._session.identity(),
        )

    async def release(self, claim: Claim) -> None:
        """See the port."""
        with translated_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                mine = await connection.fetchval(
                    f"UPDATE messaging.flow SET expires_at = NULL, begun = '' WHERE {_HELD} RETURNING 1",  # noqa: S608
                    *_of(claim.flow),
                    claim.token,
                )
                if mine:
                    await connection.execute(
                        """UPDATE messaging.aside
                           SET attempts = attempts - 1, error = 'released', retry_at = clock_timestamp()
                           WHERE consumer = $1 AND source = $2 AND partition = $3
                               AND error IS NULL AND attempts > 0""",
                        *_of(claim.flow),
                    )

    async def begin(self, claim: Claim, upto: str) -> None:
        """See the port."""
        await self._update(claim, "begun = $5", upto)

    async def settle(self, claim: Claim, progress: Progress) -> None:
        """See the port."""
        move = "mark = $5, \"offset\" = $6, begun = ''"
        if not (progress.parked or progress.aside or progress.instances or progress.apply):
            await self._update(claim, move, progress.mark, progress.offset)
            return
        async with transaction(self._pool) as connection:
            moved = await connection.fetchval(
                f"UPDATE messaging.flow SET {move} WHERE {_HELD} RETURNING 1",  # noqa: S608 - ours
                *_of(claim.flow),
                claim.token,
                progress.mark,
                progress.offset,
            )
            if moved is None:
                raise Fenced(claim.flow.consumer)
            if progress.apply is not None:
                await _applied(progress.apply, connection)
            await _park(connection, claim.flow, progress)
            await _note(connection, claim.flow, progress.instances)

    async def aside(self, claim: Claim) -> Collection[str]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(_ASIDE_KEYS, *_of(claim.flow), claim.token)
        return [row["key"] for row in _held_rows(claim, rows)]

    async def due(self, claim: Claim, limit: int) -> Sequence[tuple[str, bool]]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(_DUE, *_of(claim.flow), claim.token, limit)
        return [(row["key"], row["suspect"]) for row in _held_rows(claim, rows)]

    async def attempt(self, claim: Claim, key: str, *, again: timedelta) -> Attempt | None:
        """See the port."""
        async with self._held(claim) as connection:
            parked = await connection.fetchrow(
                f"SELECT headers, data FROM messaging.parked WHERE {_KEY} ORDER BY number LIMIT 1",  # noqa: S608
                *_of(claim.flow),
                key,
            )
            if parked is None:
                await connection.execute(
                    f"DELETE FROM messaging.aside WHERE {_KEY}",  # noqa: S608 - ours
                    *_of(claim.flow),
                    key,
                )
                await connection.execute(_FORGET_ENDS, *_of(claim.flow))
                return None
            aside = await connection.fetchrow(
                f"""UPDATE messaging.aside SET attempts = attempts + 1, error = NULL,
                        retry_at = clock_timestamp() + $5
                    WHERE {_KEY} RETURNING attempts, postponed""",  # noqa: S608 - ours
                *_of(claim.flow),
                key,
                again,
            )
        if aside is None:
            raise AssertionError("what is parked has a key that is aside")
        return Attempt(_envelope(parked), aside["attempts"], aside["postponed"])

    async def passed(
        self,
        claim: Claim,
        envelope: Envelope,
        *,
        instances: Instances = NO_INSTANCES,
        apply: Apply | None = None,
    ) -> None:
        """See the port."""
        async with self._held(claim) as connection:
            if apply is not None:
                await _applied(apply, connection)
            key = (*_of(claim.flow), envelope.key)
            await connection.execute(
                f"DELETE FROM messaging.parked WHERE {_KEY} AND event_id = $5",  # noqa: S608 - ours
                *key,
                envelope.id,
            )
            await connection.execute(
                f"UPDATE messaging.aside SET attempts = 0, postponed = 0 WHERE {_KEY}",  # noqa: S608
                *key,
            )
            await _note(connection, claim.flow, instances)

    async def failed(self, claim: Claim, aside: StepAside) -> None:
        """See the port."""
        async with self._held(claim) as connection:
            await _step_aside(connection, claim.flow, [aside])

    async def list_parked(self, consumer: str | None = None) -> Sequence[ParkedKey]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(
                """SELECT a.*, (
                       SELECT count(*) FROM messaging.parked p
                       WHERE (p.consumer, p.source, p.partition, p.key)
                           = (a.consumer, a.source, a.partition, a.key)
                   ) AS waiting
                   FROM messaging.aside a WHERE $1::text IS NULL OR consumer = $1
                   ORDER BY since, key""",
                consumer,
            )
        return [
            ParkedKey(
                flow=_flow(row),
                key=row["key"],
                attempts=row["attempts"],
                error=row["error"],
                since=row["since"],
                retry_at=row["retry_at"],
                waiting=row["waiting"],
            )
            for row in rows
        ]

    async def parked_envelopes(self, consumer: str, key: str) -> Sequence[Envelope]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(
                """SELECT headers, data FROM messaging.parked
                   WHERE consumer = $1 AND key = $2 ORDER BY source, number""",
                consumer,
                key,
            )
        return [_envelope(row) for row in rows]

    async def redrive(self, consumer: str, key: str) -> bool:
        """See the port."""
        with translated_errors():
            return bool(await self._pool.fetchval(_AGAIN, consumer, key))

    async def discard(self, consumer: str, key: str, event_id: UUID, reason: str) -> bool:
        """See the port."""
        async with transaction(self._pool) as connection:
            discarded = await connection.fetchval(
                """WITH gone AS (
                       DELETE FROM messaging.parked
                       WHERE consumer = $1 AND key = $2 AND event_id = $3 RETURNING *
                   )
                   INSERT INTO messaging.discarded
                       (consumer, source, partition, key, event_id, headers, data, reason)
                   SELECT consumer, source, partition, key, event_id, headers, data, $4 FROM gone
                   RETURNING 1""",
                consumer,
                key,
                event_id,
                reason,
            )
            if discarded:
                await connection.execute(_AGAIN, consumer, key)
        return bool(discarded)

    async def list_stuck(self, before: datetime) -> Sequence[OpenInstance]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(
                """SELECT process, instance, started_at FROM messaging.instance
                   WHERE started_at < $1 AND ended_at IS NULL ORDER BY started_at""",
                before,
            )
        return [
            OpenInstance(process=row["process"], instance=row["instance"], since=row["started_at"])
            for row in rows
        ]

    async def open_instances(self) -> Sequence[OpenInstances]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(
                """SELECT process, count(*) AS count, min(started_at) AS oldest
                   FROM messaging.instance WHERE started_at IS NOT NULL AND ended_at IS NULL
                   GROUP BY process ORDER BY process"""
            )
        return [OpenInstances(**row) for row in rows]

    async def positions(self) -> Sequence[FlowPosition]:
        """See the port."""
        with translated_errors():
            rows = await self._pool.fetch(
                """SELECT f.*, (
                       SELECT count(*) FROM messaging.aside a
                       WHERE (a.consumer, a.source, a.partition)
                           = (f.consumer, f.source, f.partition)
                   ) AS parked_keys
                   FROM messaging.flow f ORDER BY consumer, source, partition"""
            )
        return [
            FlowPosition(
                flow=_flow(row),
                mark=row["mark"],
                offset=row["offset"],
                parked_keys=row["parked_keys"],
            )
            for row in rows
        ]

    async def _update(self, claim: Claim, change: str, *values: object) -> None:
        with translated_errors():
            done = await self._pool.fetchval(
                f"UPDATE messaging.flow SET {change} WHERE {_HELD} RETURNING 1",  # noqa: S608 - ours
                *_of(claim.flow),
                claim.token,
                *values,
            )
        if done is None:
            raise Fenced(claim.flow.consumer)

    @asynccontextmanager
    async def _held(self, claim: Claim) -> AsyncIterator[Connection]:
        """A transaction during which nobody can take the flow over."""
        async with transaction(self._pool) as connection:
            held = await connection.fetchval(
                f"SELECT 1 FROM messaging.flow WHERE {_HELD} FOR NO KEY UPDATE",  # noqa: S608 - ours
                *_of(claim.flow),
                claim.token,
            )
            if held is None:
                raise Fenced(claim.flow.consumer)
            yield connection


_AGAIN: Final = """
    UPDATE messaging.aside SET attempts = 0, postponed = 0, retry_at = clock_timestamp()
    WHERE consumer = $1 AND key = $2 RETURNING 1
"""


def _held_rows(claim: Claim, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    if not rows:
        raise Fenced(claim.flow.consumer)
    return [row for row in rows if row["key"] is not None]


async def _park(connection: Connection, flow: Flow, progress: Progress) -> None:
    if progress.aside:
        await _step_aside(connection, flow, progress.aside)
    if not progress.parked:
        return
    parked = progress.parked
    keys = [envelope.key for envelope in parked]
    await connection.execute(_STILL_ASIDE, *_of(flow), keys)
    await connection.execute(
        _PARK,
        *_of(flow),
        keys,
        [envelope.id for envelope in parked],
        [_JSON.encode(to_headers(envelope)).decode() for envelope in parked],
        [envelope.data for envelope in parked],
    )


async def _step_aside(connection: Connection, flow: Flow, steps: Sequence[StepAside]) -> None:
    await connection.execute(
        _ASIDE,
        *_of(flow),
        [step.key for step in steps],
        [step.attempts for step in steps],
        [step.postponed for step in steps],
        [step.error for step in steps],
        [step.delay for step in steps],
    )


async def _note(connection: Connection, flow: Flow, instances: Instances) -> None:
    is_over = bool(instances.ended)
    if instances.started:
        rows = await connection.fetch(_START, *_columns(instances.started))
        is_over = is_over or any(row["is_over"] for row in rows)
    if instances.ended:
        await connection.execute(_END, *_of(flow), *_columns(instances.ended))
    if is_over:
        names, keys, _ = _columns([*instances.started, *instances.ended])
        await connection.execute(_FORGET, names, keys)


def _columns(
    named: Sequence[tuple[str, str, datetime]],
) -> tuple[list[str], list[str], list[datetime]]:
    return (
        [process for process, _, _ in named],
        [instance for _, instance, _ in named],
        [at for _, _, at in named],
    )


async def _applied(apply: Apply, connection: Connection) -> None:
    try:
        await apply(connection)
    except asyncpg.InterfaceError as error:
        # On a living connection asyncpg's complaint is about the statement: a bug of the handler, not an outage.
        if connection.is_closed():
            raise
        raise ValueError("the statement of a handler cannot be sent") from error


def _of(flow: Flow) -> tuple[str, str, int]:
    return flow.consumer, flow.source, flow.partition


def _flow(row: asyncpg.Record) -> Flow:
    return Flow(row["consumer"], row["source"], row["partition"])


def _envelope(row: Any) -> Envelope:
    return from_headers(_HEADERS.decode(row["headers"]), row["data"])


def _ignore() -> None:
    """Nobody notifies inboxes."""

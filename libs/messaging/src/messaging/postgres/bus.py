"""The embedded bus: one log table, offsets that are given out under the lock of their partition's row.

The lock is kept until the commit, so offsets appear in order and without gaps, and a reader can never pass one that
is still to come. Publishers of one partition wait for each other; a topic has one relay, so nobody waits.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Final

import asyncpg
import msgspec

from messaging.bus import (
    BEGINNING,
    Delivery,
    MessagingUnavailable,
    PartitionsFixed,
    TopicLike,
    Work,
    partition_of,
)
from messaging.crew import Crew
from messaging.envelope import (
    Envelope,
    MalformedEnvelope,
    from_headers,
    kept_aside,
    to_headers,
)
from messaging.postgres.connections import (
    Connection,
    Pool,
    Session,
    migrate,
    transaction,
    translated_errors,
)

__all__ = ["PostgresBus"]

_CHANNEL: Final = "bus"
_LEASE_SECONDS: Final = 10.0
_PAGE_BYTES: Final = 8 * 1024 * 1024

_MIGRATIONS: Final = (
    """
    CREATE TABLE bus.topic (
        name text PRIMARY KEY,
        partitions int NOT NULL CHECK (partitions > 0)
    );

    CREATE TABLE bus.head (
        topic text NOT NULL REFERENCES bus.topic,
        partition int NOT NULL,
        next_offset bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 50);

    CREATE TABLE bus.log (
        topic text NOT NULL,
        partition int NOT NULL,
        "offset" bigint NOT NULL,
        key text NOT NULL,
        headers json NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (topic, partition, "offset")
    );

    CREATE TABLE bus.member (
        topic text NOT NULL,
        "group" text NOT NULL,
        member text NOT NULL,
        expires_at timestamptz NOT NULL,
        session_pid int NOT NULL,
        session_start timestamptz NOT NULL,
        PRIMARY KEY (topic, "group", member)
    );

    CREATE TABLE bus.lease (
        topic text NOT NULL,
        "group" text NOT NULL,
        partition int NOT NULL,
        member text,
        acknowledged bigint NOT NULL DEFAULT -1,
        PRIMARY KEY (topic, "group", partition)
    );

    CREATE VIEW bus.live_member AS
        SELECT m.topic, m."group", m.member FROM bus.member m
        JOIN pg_stat_activity a ON a.pid = m.session_pid AND a.backend_start = m.session_start
        WHERE m.expires_at > clock_timestamp();
    """,
)

_PUBLISH: Final = """
    WITH incoming AS (
        SELECT * FROM unnest($2::int[], $3::int[], $4::text[], $5::json[], $6::bytea[])
            AS event(partition, place, key, headers, data)
    ), many AS (
        SELECT partition, count(*) AS count FROM incoming GROUP BY partition
    ), locked AS (
        SELECT partition FROM bus.head WHERE topic = $1 AND partition = ANY ($2::int[])
        ORDER BY partition FOR NO KEY UPDATE
    ), head AS (
        UPDATE bus.head h SET next_offset = h.next_offset + many.count
        FROM many JOIN locked USING (partition)
        WHERE h.topic = $1 AND h.partition = many.partition
        RETURNING h.partition, h.next_offset - many.count AS first
    )
    INSERT INTO bus.log (topic, partition, "offset", key, headers, data)
    SELECT $1, partition, head.first + place, key, headers, data
    FROM incoming JOIN head USING (partition)
"""

# A page ends behind the event with which it reaches its number of bytes.
_READ: Final = """
    SELECT "offset", headers, data FROM (
        SELECT *, sum(octet_length(data)) OVER (ORDER BY "offset") - octet_length(data) AS before
        FROM (
            SELECT "offset", headers, data FROM bus.log
            WHERE topic = $1 AND partition = $2 AND "offset" > $3
            ORDER BY "offset" LIMIT $4
        ) AS next
    ) AS page WHERE before < $5 ORDER BY "offset"
"""

_BEAT: Final = """
    INSERT INTO bus.member (topic, "group", member, expires_at, session_pid, session_start)
    VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5, $6)
    ON CONFLICT (topic, "group", member) DO UPDATE SET expires_at = excluded.expires_at,
        session_pid = excluded.session_pid, session_start = excluded.session_start
"""

_TAKE: Final = """
    UPDATE bus.lease SET member = $3 WHERE topic = $1 AND "group" = $2 AND partition IN (
        SELECT partition FROM bus.lease l
        WHERE topic = $1 AND "group" = $2 AND NOT EXISTS (
            SELECT FROM bus.live_member m
            WHERE m.topic = l.topic AND m."group" = l."group" AND m.member = l.member)
        ORDER BY partition LIMIT $4 FOR UPDATE SKIP LOCKED)
    RETURNING partition
"""

_JSON: Final = msgspec.json.Encoder()
_HEADERS: Final = msgspec.json.Decoder(dict[str, str])

_log: Final = logging.getLogger(__name__)


class PostgresBus:
    """The bus port in one PostgreSQL database, shared by any number of processes. All history is kept."""

    system = "postgresql"

    def __init__(self, pool: Pool, *, poll_seconds: float = 0.5) -> None:
        """Use `open`."""
        self._pool = pool
        self._known: dict[str, int] = {}
        self._news = _News(pool, poll_seconds)
        self._beat_seconds = poll_seconds * 2

    @classmethod
    async def open(cls, pool: Pool, *, poll_seconds: float = 0.5) -> "PostgresBus":
        """Create or complete the schema `bus` and give the bus.

        The pool stays the caller's; one of its connections is kept from the first `consume` on until `close`.
        `poll_seconds`: how long a reader sleeps when no notification reaches it. Raises MessagingUnavailable.
        """
        await migrate(pool, "bus", _MIGRATIONS)
        return cls(pool, poll_seconds=poll_seconds)

    async def close(self) -> None:
        """Stop listening; call it before the pool is closed."""
        await self._news.close()

    async def ping(self) -> None:
        """See OpenedBus."""
        with translated_errors():
            await self._pool.execute("SELECT 1")

    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        """See the port."""
        if not envelopes:
            return
        await self._declare(topic)
        partitions = [partition_of(envelope.key, topic.partitions) for envelope in envelopes]
        counts: dict[int, int] = {}
        places = []
        for partition in partitions:
            places.append(counts.get(partition, 0))
            counts[partition] = places[-1] + 1
        with translated_errors():
            await self._pool.execute(
                _PUBLISH,
                topic.name,
                partitions,
                places,
                [envelope.key for envelope in envelopes],
                [_JSON.encode(to_headers(envelope)).decode() for envelope in envelopes],
                [envelope.data for envelope in envelopes],
            )
        with suppress(MessagingUnavailable), translated_errors():  # a lost hint costs a poll
            await self._pool.execute(f"NOTIFY {_CHANNEL}")

    async def ends(self, topic: TopicLike) -> Sequence[int]:
        """See the port."""
        await self._declare(topic)
        with translated_errors():
            rows = await self._pool.fetch(
                "SELECT next_offset - 1 AS last FROM bus.head WHERE topic = $1 ORDER BY partition",
                topic.name,
            )
        return [row["last"] for row in rows]

    async def consume(self, topic: TopicLike, group: str, work: Work) -> None:
        """See the port."""
        member = _Member(self._pool, self._news, topic, group)
        with self._news.following(topic.name):
            try:
                async with asyncio.TaskGroup() as tasks:
                    await self._attend(member, Crew(tasks, work))
            finally:
                await member.leave()

    async def _attend(self, member: "_Member", crew: Crew) -> None:
        clock = asyncio.get_running_loop().time
        good_until = clock()
        declared = False
        while True:
            try:
                if not declared:
                    await self._declare(member.topic)
                    declared = True
                moved = await member.beat(crew)
                good_until = clock() + _LEASE_SECONDS
            except MessagingUnavailable as trouble:
                _log.warning(
                    "bus.unreachable", extra={"topic": member.topic.name}, exc_info=trouble
                )
                moved = False
                if clock() > good_until:
                    await crew.stop(list(crew.holding))
            await asyncio.sleep(self._beat_seconds / 10 if moved else self._beat_seconds)

    async def _declare(self, topic: TopicLike) -> None:
        known = self._known.get(topic.name)
        if known is None:
            async with transaction(self._pool) as connection:
                await connection.execute(
                    "INSERT INTO bus.topic VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    topic.name,
                    topic.partitions,
                )
                known = await connection.fetchval(
                    "SELECT partitions FROM bus.topic WHERE name = $1", topic.name
                )
                await connection.execute(
                    """INSERT INTO bus.head (topic, partition)
                       SELECT $1, generate_series(0, $2 - 1) ON CONFLICT DO NOTHING""",
                    topic.name,
                    known,
                )
            self._known[topic.name] = known
        if known != topic.partitions:
            raise PartitionsFixed(topic.name)


class _Member:
    """One member of one group: it beats, gives up what is more than its share, and takes what nobody alive holds."""

    def __init__(self, pool: Pool, news: "_News", topic: TopicLike, group: str) -> None:
        self._pool, self._news, self.topic, self._group = pool, news, topic, group
        self._name = token_hex(8)
        self._acknowledged: dict[int, int] = {}

    async def beat(self, crew: Crew) -> bool:
        """Whether something was taken or given up. Raises MessagingUnavailable."""
        session = await self._news.session.identity()
        place = (self.topic.name, self._group)
        async with transaction(self._pool) as connection:
            await connection.execute(_BEAT, *place, self._name, _LEASE_SECONDS, *session)
            members = await connection.fetch(
                'SELECT member FROM bus.live_member WHERE topic = $1 AND "group" = $2', *place
            )
            mine = await self._mine(connection)
        fair = _share(self.topic.partitions, {row["member"] for row in members}, self._name)
        surplus = sorted(mine)[fair:]
        lost = [index for index in crew.holding if index not in mine or index in surplus]
        await crew.stop(lost)
        if surplus:
            await self._give_up(surplus)
        taken = await self._take(fair - len(mine)) if len(mine) < fair else []
        for index in {*mine, *taken} - {*surplus, *crew.holding}:
            crew.start(
                _PostgresPartition(
                    self._pool, self._news, self.topic.name, index, self._acknowledged
                )
            )
        return bool(lost or taken)

    async def leave(self) -> None:
        """Give everything up at once."""
        with suppress(MessagingUnavailable):
            async with transaction(self._pool) as connection:
                await self._mine(connection)
                await connection.execute(
                    'DELETE FROM bus.member WHERE topic = $1 AND "group" = $2 AND member = $3',
                    self.topic.name,
                    self._group,
                    self._name,
                )

    async def _mine(self, connection: Connection) -> set[int]:
        """What is ours; and how far we are with it, for whoever looks at the lag."""
        if self._acknowledged:
            await connection.execute(
                """UPDATE bus.lease l SET acknowledged = done.acknowledged
                   FROM unnest($4::int[], $5::bigint[]) AS done(partition, acknowledged)
                   WHERE topic = $1 AND "group" = $2 AND member = $3 AND l.partition = done.partition""",
                self.topic.name,
                self._group,
                self._name,
                list(self._acknowledged),
                list(self._acknowledged.values()),
            )
            self._acknowledged.clear()
        rows = await connection.fetch(
            'SELECT partition FROM bus.lease WHERE topic = $1 AND "group" = $2 AND member = $3',
            self.topic.name,
            self._group,
            self._name,
        )
        return {row["partition"] for row in rows}

    async def _give_up(self, partitions: Sequence[int]) -> None:
        with translated_errors():
            await self._pool.execute(
                """UPDATE bus.lease SET member = NULL
                   WHERE topic = $1 AND "group" = $2 AND member = $3 AND partition = ANY ($4)""",
                self.topic.name,
                self._group,
                self._name,
                partitions,
            )

    async def _take(self, count: int) -> list[int]:
        place = (self.topic.name, self._group)
        async with transaction(self._pool) as connection:
            await connection.execute(
                """INSERT INTO bus.lease (topic, "group", partition)
                   SELECT $1, $2, partition FROM bus.head WHERE topic = $1 ON CONFLICT DO NOTHING""",
                *place,
            )
            await connection.execute(
                """DELETE FROM bus.member WHERE topic = $1 AND "group" = $2
                   AND expires_at < clock_timestamp() - interval '1 minute'""",
                *place,
            )
            rows = await connection.fetch(_TAKE, *place, self._name, count)
        return [row["partition"] for row in rows]


class _PostgresPartition:
    def __init__(
        self, pool: Pool, news: "_News", topic: str, index: int, acknowledged: dict[int, int]
    ) -> None:
        self.topic, self.index = topic, index
        self._pool, self._news, self._acknowledged = pool, news, acknowledged

    async def batches(
        self, *, after: int = BEGINNING, limit: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """See the port."""
        while True:
            await self._news.beyond(self.topic, self.index, after)
            with translated_errors():
                rows = await self._pool.fetch(
                    _READ, self.topic, self.index, after, limit, _PAGE_BYTES
                )
            if rows:
                after = rows[-1]["offset"]
                yield [Delivery(row["offset"], self._envelope(row)) for row in rows]

    def _envelope(self, row: asyncpg.Record) -> Envelope:
        headers, data = row["headers"], row["data"]
        try:
            return from_headers(_HEADERS.decode(headers), data)
        except (MalformedEnvelope, msgspec.MsgspecError):
            return kept_aside(f"{self.topic}-{self.index}-{row['offset']}", headers, data)

    def acknowledge(self, offset: int) -> None:
        """See the port."""
        self._acknowledged[self.index] = offset


class _News:
    """Where the ends of the followed topics are: one query for all readers of a process, on notice or on time."""

    def __init__(self, pool: Pool, poll_seconds: float) -> None:
        self._pool, self._poll_seconds = pool, poll_seconds
        self._ends: dict[tuple[str, int], int] = {}
        self._changed = asyncio.Condition()
        self._notice = asyncio.Event()
        self._followed: list[str] = []
        self._watching: asyncio.Task[None] | None = None
        self.session = Session(pool, _CHANNEL, self._notice.set)

    @contextmanager
    def following(self, topic: str) -> Iterator[None]:
        """Look at the ends of `topic` for as long as this is open."""
        self._followed.append(topic)
        self._notice.set()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._followed.remove(topic)
            if not self._followed:
                self._watching.cancel()
                self._watching = None

    async def beyond(self, topic: str, partition: int, offset: int) -> None:
        """Wait until the partition has something behind `offset`."""
        async with self._changed:
            while self._ends.get((topic, partition), BEGINNING) <= offset:
                await self._changed.wait()

    async def close(self) -> None:
        """Stop looking."""
        if self._watching is not None:
            self._watching.cancel()
        await self.session.close()

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._notice.wait(), self._poll_seconds)
            self._notice.clear()
            try:
                with translated_errors():
                    rows = await self._pool.fetch(
                        "SELECT topic, partition, next_offset - 1 AS last FROM bus.head WHERE topic = ANY ($1)",
                        self._followed,
                    )
            # Whatever it is: every reader of the process waits for this task, and nobody would hear of its end.
            except (MessagingUnavailable, asyncpg.PostgresError) as trouble:
                _log.warning("bus.unreachable", exc_info=trouble)
                await asyncio.sleep(self._poll_seconds)
                continue
            ends = {(row["topic"], row["partition"]): row["last"] for row in rows}
            async with self._changed:
                self._ends |= ends
                self._changed.notify_all()


def _share(partitions: int, members: set[str], member: str) -> int:
    """How many partitions this member gets: as many as any other, or one more."""
    names = sorted(members | {member})
    return partitions // len(names) + (names.index(member) < partitions % len(names))

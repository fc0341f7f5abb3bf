"""The audit trail: a table that follows the store of every service, and the questions it answers."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import structlog

from event_store import START, Cursor, EventStore, RecordedEvent, StoreUnavailable
from ops.facts import references, shown_facts
from ops.timeline import Entry, ordered
from service_kit.database import DATABASE_DOWN

__all__ = ["Trail", "follow"]

_DATA: Final = msgspec.json.Decoder(dict[str, Any])
_ROUNDS: Final = 6
"""Chains are short: appointment, invoice, payment, refund, message."""

_OUTAGES: Final = (*DATABASE_DOWN, StoreUnavailable, TimeoutError)
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_STANDBY_SECONDS: Final = 5.0
"""How long who was overtaken leaves the following to the other."""
_log = structlog.get_logger()

Pool = asyncpg.Pool
Row = tuple[Any, ...]


class _Overtaken(Exception):
    """Another process has copied the same page first."""


async def follow(service: str, store: EventStore, pool: Pool) -> None:
    """Copy what happens in one service's store into the trail, for ever, each event once.

    Position and rows commit together, and only from the position that was read: of several followers one copies a
    page, and the others stand by for a moment. While a database is away it waits, and goes on from the last position
    that was committed.
    """
    pauses = _pauses()
    while True:
        try:
            async for _ in _copied(service, store, pool):
                pauses = _pauses()
        except _Overtaken:
            await asyncio.sleep(_STANDBY_SECONDS)
        except _OUTAGES as outage:
            _log.warning("audit.waiting", process=service, error=type(outage).__name__)
            await asyncio.sleep(next(pauses))


async def _copied(service: str, store: EventStore, pool: Pool) -> AsyncIterator[Cursor]:
    text = await pool.fetchval("SELECT position FROM audit_positions WHERE service = $1", service)
    before = START if text is None else Cursor.parse(text)
    async for page in store.subscribe(after=before):
        if page.cursor == before:
            continue
        async with pool.acquire() as connection, connection.transaction():
            moved = await connection.fetchval(_MOVE, service, str(page.cursor), str(before))
            if moved is None:
                raise _Overtaken
            await connection.executemany(_INSERT, [_row(service, event) for event in page.events])
        before = page.cursor
        yield before


def _pauses() -> Iterator[float]:
    return chain(_PAUSES, repeat(_PAUSES[-1]))


class Trail:
    """Questions to the trail."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def story(self, thing: UUID, *, tenant: str | None = None) -> Sequence[Entry]:
        """Everything that happened to a thing, over all services, in order.

        A stream belongs to the story when its first event names the thing, or a stream that belongs (an invoice of
        the appointment, a payment of the invoice). Of other streams (a doctor's day, what a person has or may) only
        the events that name the thing belong.
        """
        things, streams = {thing}, set[tuple[str, str]]()
        for _ in range(_ROUNDS):
            rows = await self._pool.fetch(_BELONGING, list(things), tenant)
            found = {(row["service"], row["stream"]) for row in rows}
            if found <= streams:
                break
            streams |= found
            things |= {key for _, stream in streams if (key := _key(stream))}
        names = [f"{service} {stream}" for service, stream in streams]
        rows = await self._pool.fetch(_STORY, thing, names, tenant)
        return ordered(_entry(row) for row in rows)

    async def of_subject(self, tenant: str, subject: str, limit: int) -> Sequence[Entry]:
        """The latest events about a person."""
        rows = await self._pool.fetch(_OF_SUBJECT, tenant, subject, limit)
        return ordered(_entry(row) for row in rows)

    async def behind(self, stores: dict[str, EventStore]) -> dict[str, bool]:
        """For each service whether the trail lacks some of its events now."""
        rows = await self._pool.fetch("SELECT service, position FROM audit_positions")
        marks = {row["service"]: row["position"] for row in rows}
        return {
            service: str(await store.position()) > marks.get(service, "")
            for service, store in stores.items()
        }


def _row(service: str, event: RecordedEvent) -> Row:
    meta, data = event.meta(), _DATA.decode(event.data)
    return (
        service,
        str(event.cursor),
        event.id,
        event.stream,
        event.revision,
        event.type,
        meta.time,
        meta.tenant,
        meta.actor,
        meta.role,
        meta.correlation,
        meta.causation,
        meta.subject,
        meta.policy,
        msgspec.json.encode(shown_facts(data)).decode(),
        sorted(references(data) | ({key} if (key := _key(event.stream)) else set())),
    )


def _entry(row: asyncpg.Record) -> Entry:
    values = {name: row[name] for name in Entry.__dataclass_fields__ if name != "facts"}
    return Entry(**values, facts=_DATA.decode(row["facts"]))


def _key(stream: str) -> UUID | None:
    try:
        return UUID(stream.rpartition(".")[2])
    except ValueError:
        return None


_COLUMNS: Final = (
    "service, position, event_id, stream, revision, type, time, tenant, actor, role, correlation, causation, "
    "subject, policy, facts, refs"
)
_INSERT: Final = f"""
INSERT INTO audit_trail ({_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::jsonb, $16)"""  # noqa: S608 - constants
_MOVE: Final = """
INSERT INTO audit_positions AS known (service, position) VALUES ($1, $2)
ON CONFLICT (service) DO UPDATE SET position = excluded.position WHERE known.position = $3
RETURNING position"""
_BELONGING: Final = """
SELECT DISTINCT service, stream FROM audit_trail
WHERE revision = 0 AND refs && $1 AND ($2::text IS NULL OR tenant = $2)
    AND (subject IS NULL OR NOT starts_with(reverse(stream), reverse(subject)))"""
_STORY: Final = f"""
SELECT {_COLUMNS} FROM audit_trail
WHERE (refs @> ARRAY[$1::uuid] OR service || ' ' || stream = ANY($2)) AND ($3::text IS NULL OR tenant = $3)"""  # noqa: S608 - constants
_OF_SUBJECT: Final = f"""
SELECT {_COLUMNS} FROM audit_trail WHERE tenant = $1 AND subject = $2 ORDER BY time DESC LIMIT $3"""  # noqa: S608 - constants

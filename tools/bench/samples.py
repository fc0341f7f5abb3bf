"""One small aggregate whose events have about 300 bytes, and the plain table that it is compared with."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg

from decider import Decider, Rejection
from event_store import Codec, CommandContext, Metadata, NewEvent
from event_store.codec import encode_metadata

PLAIN_TABLE: Final = """
    CREATE TABLE plain (
        stream text NOT NULL, revision bigint NOT NULL, id uuid NOT NULL, type text NOT NULL,
        data bytea NOT NULL, metadata bytea NOT NULL, UNIQUE (stream, revision)
    )
"""
PLAIN_INSERT: Final = (
    "INSERT INTO plain (stream, revision, id, type, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)"
)

NOTE: Final = "n" * 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    patient: UUID
    clinician: UUID
    at: datetime
    number: int
    room: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    patient: UUID
    clinician: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    count: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    patient: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    patient: UUID
    note: str


class Taken(Rejection):
    code = "TAKEN"


def visit(command: Visit, state: Visits) -> Sequence[Visited]:
    return [
        Visited(
            patient=command.patient,
            clinician=command.clinician,
            at=command.at,
            number=state.count,
            room="consultation room 12",
            note=NOTE,
        )
    ]


def remember(state: Visits, event: Visited) -> Visits:
    return Visits(count=state.count + 1, last=event.at)


def claim(command: Claim, owner: UUID | None) -> Sequence[Claimed]:
    if owner is None:
        return [Claimed(patient=command.patient, note=NOTE)]
    if owner == command.patient:
        return []
    raise Taken


def own(_: UUID | None, event: Claimed) -> UUID | None:
    return event.patient


VISITS: Final = Decider(initial=Visits(), decide=visit, evolve=remember)
VISIT_CODEC: Final = Codec[Visited]({Visited: "Visited.v1"})
CLAIMS: Decider[Claim, UUID | None, Claimed] = Decider(initial=None, decide=claim, evolve=own)
CLAIM_CODEC: Final = Codec[Claimed]({Claimed: "Claimed.v1"})

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
METADATA: Final = Metadata(
    tenant="north",
    actor="account:0190a5b0-0000-7000-8000-000000000001",
    role="patient",
    time=NOON,
    correlation=UUID(int=7),
)
STORED_METADATA: Final = encode_metadata(METADATA)

_numbers: Final = itertools.count(1)


def an_id() -> UUID:
    """An id that no index finds beside the one before, as those of events are."""
    return UUID(int=next(_numbers) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


def a_visit() -> Visit:
    return Visit(patient=an_id(), clinician=an_id(), at=NOON)


def a_context() -> CommandContext:
    return CommandContext(command_id=an_id(), metadata=METADATA)


STORED_VISIT: Final = VISIT_CODEC.encode(visit(a_visit(), Visits())[0])


def a_stored_visit() -> NewEvent:
    name, data = STORED_VISIT
    return NewEvent(an_id(), name, data, STORED_METADATA)


async def plain_insert(pool: "asyncpg.Pool[asyncpg.Record]", stream: str, revision: int) -> None:
    """The floor: what anybody would write first."""
    event = a_stored_visit()
    await pool.execute(
        PLAIN_INSERT, stream, revision, event.id, event.type, event.data, event.metadata
    )


async def seed(pool: "asyncpg.Pool[asyncpg.Record]", events: int, *, per_stream: int) -> None:
    """Put that many visits into an empty store, `per_stream` in each of the streams `visit-north.<number>`."""
    name, data = STORED_VISIT
    early = 3  # an order key below every transaction of a running server
    async with pool.acquire() as connection:
        await connection.copy_records_to_table(
            "streams",
            schema_name="event_store",
            records=(
                (f"visit-north.{number}", "visit", "north", per_stream - 1, early)
                for number in range(events // per_stream)
            ),
        )
        await connection.copy_records_to_table(
            "events",
            schema_name="event_store",
            columns=[
                *("order_key", "position", "revision", "id"),
                *("stream", "category", "type", "data", "metadata"),
            ],
            records=(
                (
                    *(early, place + 1, place % per_stream, an_id()),
                    *(f"visit-north.{place // per_stream}", "visit"),
                    *(name, data, STORED_METADATA),
                )
                for place in range(events)
            ),
        )
        await connection.execute(
            "SELECT setval(pg_get_serial_sequence('event_store.events', 'position'), $1)", events
        )
        for table in ("events", "streams"):
            await connection.execute(f"VACUUM ANALYZE event_store.{table}")

"""What ops says of views that are checked against their events, on a real PostgreSQL."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from event_store import Codec, Metadata, NewEvent, StreamName
from event_store.codec import encode_metadata
from event_store.memory import MemoryEventStore
from ops.inspection import check_view
from read_models import Fact, ProjectionRunner, View, create_views
from service_kit.database import open_pool

pytestmark = pytest.mark.integration

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    note: str
    text: str


CODEC: Codec[Any] = Codec({Noted: "Noted.v1"})


def view_that(project: Any) -> View[NoteRow]:
    def keys(_event: Noted, fact: Fact) -> list[tuple[str]]:
        return [(fact.stream_key,)]

    return View(
        name="notes", version=1, row=NoteRow, key=("note",), events={Noted: keys}, project=project
    )


def copying(_row: NoteRow | None, event: Noted, fact: Fact) -> NoteRow:
    return NoteRow(note=fact.stream_key, text=event.text)


def shouting(row: NoteRow | None, event: Noted, fact: Fact) -> NoteRow:
    return copying(row, Noted(text=event.text.upper()), fact)


def failing(_row: NoteRow | None, event: Noted, _fact: Fact) -> NoteRow:
    raise ValueError(event.text)


@pytest.mark.requirement("OPS-01")
async def test_a_view_is_equal_or_differs_or_says_what_it_cannot_take(database: str) -> None:
    store = MemoryEventStore()
    meta = Metadata(
        tenant="north", actor="test", role="service", time=NOON, correlation=UUID(int=1)
    )
    note = NewEvent(UUID(int=2), *CODEC.encode(Noted(text="Иванов")), encode_metadata(meta))
    await store.append(StreamName("note", "north", "a"), [note], expected=-1)
    async with open_pool(database, application_name="test") as pool:
        view = view_that(copying)
        await create_views(pool, [view])
        await ProjectionRunner(pool, store, CODEC, [view]).drain()
        equal = await check_view(pool, store, CODEC, view)
        assert (equal.same, equal.outcome, equal.position != "") == (True, "equal", True)
        different = await check_view(pool, store, CODEC, view_that(shouting))
        assert (different.same, different.outcome.startswith("differs at ")) == (False, True)
        poisoned = await check_view(pool, store, CODEC, view_that(failing))
        assert (poisoned.same, poisoned.outcome) == (
            False,
            f"cannot take Noted.v1 {UUID(int=2)}: ValueError",
        )

"""Events without meaning, and short ways to write and read them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Final
from uuid import UUID

from event_store.records import (
    EVERYTHING,
    NO_STREAM,
    START,
    Appended,
    Cursor,
    EventFilter,
    NewEvent,
    Page,
    RecordedEvent,
    StreamName,
)
from event_store.store import EventStore

PATIENCE: Final = 30.0
"""Seconds after which something that should come does not."""

_numbers: Final = count(1)


def stream(key: str, category: str = "note", tenant: str = "north") -> StreamName:
    """A stream of notes."""
    return StreamName(category, tenant, key)


def event(data: bytes = b"{}", name: str = "Noted.v1") -> NewEvent:
    """A new event with an id of its own."""
    return NewEvent(UUID(int=next(_numbers)), name, data, b'{"tenant":"north"}')


async def noted(
    store: EventStore, where: StreamName, *texts: str, expected: int = NO_STREAM
) -> Appended:
    """Append one event per text."""
    return await store.append(where, [event(text.encode()) for text in texts], expected=expected)


async def history(store: EventStore, where: StreamName) -> list[RecordedEvent]:
    """All of a stream."""
    return [event async for page in store.read_stream(where) for event in page]


async def read_back(
    store: EventStore, after: Cursor = START, where: EventFilter = EVERYTHING, page_size: int = 1000
) -> list[RecordedEvent]:
    """All events behind a cursor."""
    pages = store.read_all(after=after, where=where, page_size=page_size)
    return [event async for page in pages for event in page.events]


def texts(events: Sequence[RecordedEvent]) -> list[str]:
    """The data as text."""
    return [event.data.decode() for event in events]


@asynccontextmanager
async def closing(pages: AsyncIterator[Page]) -> AsyncIterator[AsyncIterator[Page]]:
    """Ends a subscription at the end of the block."""
    try:
        yield pages
    finally:
        assert isinstance(pages, AsyncGenerator)
        await pages.aclose()


async def take(pages: AsyncIterator[Page], upto: Cursor) -> tuple[list[RecordedEvent], Cursor]:
    """Events of a subscription until it has reached `upto`, and where it stands then."""
    taken: list[RecordedEvent] = []
    async with asyncio.timeout(PATIENCE):
        async for page in pages:
            taken += page.events
            if page.cursor >= upto:
                return taken, page.cursor
    raise AssertionError("a subscription never ends")

"""News of open rooms, told to every process as the store tells it: who writes where does not matter."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from consultation_room.domain.chat_thread.events import (
    ChatMessage,
    MessagePosted,
    SystemMessagePosted,
)
from event_store import Codec, EventFilter, EventStore, RecordedEvent, StreamName
from vocabulary.ids import ConsultationId, TenantId

__all__ = ["CHAT_THREADS", "CONSULTATIONS", "Listener", "Live", "News"]

CONSULTATIONS: Final = "consultation"
CHAT_THREADS: Final = "chat-thread"
_WATCHED: Final = EventFilter(categories=frozenset({CONSULTATIONS, CHAT_THREADS}))


@dataclass(frozen=True, slots=True)
class News:
    """An event of a room and its place in its stream."""

    event: Any
    revision: int


@dataclass(frozen=True, slots=True)
class Listener:
    """`tell` takes each event of the room; `lose` hears that some may have been missed. Neither waits or raises."""

    tell: Callable[[News], None]
    lose: Callable[[], None]


class Live:
    """One subscription of a process, shared by all rooms that are open in it."""

    def __init__(self, store: EventStore, codec: Codec[Any]) -> None:
        self._store, self._codec = store, codec
        self._listeners: dict[str, set[Listener]] = {}
        self._listening = asyncio.Event()

    async def run(self) -> None:
        """Listen for ever. When it ends, every listener is told that it lost its place."""
        try:
            # Not the newest commit: a message whose transaction is still open may stand before it.
            after = await self._store.horizon()
            self._listening.set()
            async for page in self._store.subscribe(after=after, where=_WATCHED):
                for recorded in page.events:
                    self._tell(recorded)
        finally:
            self._listening.clear()
            for listeners in list(self._listeners.values()):
                for listener in list(listeners):
                    listener.lose()

    async def listening(self) -> None:
        """Wait until what is appended from now on will be told."""
        await self._listening.wait()

    @contextmanager
    def joined(
        self, tenant: TenantId, consultation_id: ConsultationId, listener: Listener
    ) -> Iterator[None]:
        """Be told of one room; what came before is `since`."""
        room = f"{tenant}.{consultation_id}"
        self._listeners.setdefault(room, set()).add(listener)
        try:
            yield
        finally:
            listeners = self._listeners[room]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[room]

    async def since(
        self, tenant: TenantId, consultation_id: ConsultationId, number: int
    ) -> Sequence[ChatMessage]:
        """The messages behind `number`, in their order, as the stream has them now (ROOM-31)."""
        found: list[ChatMessage] = []
        stream = StreamName(CHAT_THREADS, tenant, str(consultation_id))
        async for page in self._store.read_stream(stream, backwards=True):
            for event in self._codec.decode_all(page):
                if isinstance(event, MessagePosted | SystemMessagePosted):
                    if event.number <= number:
                        return found[::-1]
                    found.append(event)
        return found[::-1]

    def _tell(self, recorded: RecordedEvent) -> None:
        category = CHAT_THREADS if recorded.stream.startswith(CHAT_THREADS) else CONSULTATIONS
        listeners = self._listeners.get(recorded.stream[len(category) + 1 :])
        if listeners:
            news = News(self._codec.decode(recorded), recorded.revision)
            for listener in list(listeners):
                listener.tell(news)

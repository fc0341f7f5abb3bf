"""Who is in which room in this process: an open connection is presence, and its short loss is not an absence."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from consultation_room.domain.details import AuthorRole
from decider import Rejection
from event_store import AppendConflict, StoreUnavailable
from vocabulary.ids import ConsultationId, TenantId

__all__ = ["Presence", "Seat"]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seat:
    """One side of one room."""

    tenant: TenantId
    consultation_id: ConsultationId
    side: AuthorRole


class Presence:
    """Counts the connections of each seat; a seat is left when none has come back for `absence_seconds`.

    Another process may still have a connection of the same seat: who sees there that the room believes him away
    comes back at once. When this process stops nobody leaves: clients come back through another one.
    """

    def __init__(self, absence_seconds: float = 10.0) -> None:
        self._absence_seconds = absence_seconds
        self._connections: Counter[Seat] = Counter()
        self._leaving: dict[Seat, asyncio.Task[None]] = {}

    @contextmanager
    def seated(self, seat: Seat, leave: Callable[[], Awaitable[object]]) -> Iterator[None]:
        """Be present; `leave` tells the room when this was the last connection."""
        self._connections[seat] += 1
        if leaving := self._leaving.pop(seat, None):
            leaving.cancel()
        try:
            yield
        finally:
            self._connections[seat] -= 1
            if not self._connections[seat]:
                del self._connections[seat]
                self._leaving[seat] = asyncio.create_task(self._leave(seat, leave))

    async def close(self) -> None:
        """Forget who was about to leave."""
        leaving = list(self._leaving.values())
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    async def _leave(self, seat: Seat, leave: Callable[[], Awaitable[object]]) -> None:
        try:
            await asyncio.sleep(self._absence_seconds)
            await leave()
        except (Rejection, AppendConflict, StoreUnavailable) as failure:
            _log.warning("room.leave_not_recorded", error=type(failure).__name__)
        finally:
            if self._leaving.get(seat) is asyncio.current_task():
                del self._leaving[seat]

"""Appends that meet in one process travel together: one round trip and one commit for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from event_store.postgres.appending import Request, append_many, append_one, explain
from event_store.postgres.connections import UNAVAILABLE, Connection, Pool, unavailable
from event_store.records import (
    AppendConflict,
    Appended,
    IdempotencyViolation,
    StoreUnavailable,
    StreamName,
)

_MOST_EVENTS: Final = 500
_MOST_BYTES: Final = 4_000_000


class Ticket:
    """A request that waits for a batch, and the future its caller waits for."""

    __slots__ = ("bytes", "outcome", "request")

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self.outcome: asyncio.Future[Appended] = loop.create_future()
        self.bytes = sum(len(event.data) + len(event.metadata) for event in request.events)

    def answer(self, outcome: Appended | Exception) -> None:
        """Give the caller its answer, unless it has gone."""
        if self.outcome.done():
            return
        if isinstance(outcome, Appended):
            self.outcome.set_result(outcome)
        else:
            self.outcome.set_exception(outcome)


class Coalescer:
    """One statement in flight, on a connection that is kept; what comes meanwhile goes together with the next.

    An append that meets no other goes at once, by itself and in the caller's own task. In a batch each append keeps
    its own outcome, and a caller that is cancelled takes nobody with it. More statements side by side would make
    smaller batches, and were slower.
    """

    def __init__(self, pool: Pool, committed: Callable[[], None]) -> None:
        """`committed` is called after each commit."""
        self._pool, self._committed = pool, committed
        self._waiting: list[Ticket] = []
        self._is_out = self._is_closed = False
        self._home = asyncio.Event()
        self._batch: asyncio.Task[None] | None = None
        self._kept: PoolConnectionProxy[asyncpg.Record] | None = None

    async def append(self, request: Request) -> Appended:
        """Append, alone or in company. Raises StoreUnavailable once the store is closed."""
        if self._is_closed:
            raise StoreUnavailable("the store is closed")
        if not self._is_out:
            self._is_out = True
            try:
                appended = await append_one(await self._connection(), request)
            except UNAVAILABLE as error:
                self._drop()
                raise unavailable(error) from error
            finally:
                self._returned()
            self._committed()
            return appended
        ticket = Ticket(request, asyncio.get_running_loop())
        self._waiting.append(ticket)
        try:
            return await ticket.outcome
        except asyncio.CancelledError:
            with suppress(ValueError):  # it travels already
                self._waiting.remove(ticket)
            raise

    async def close(self) -> None:
        """Wait until nothing is on its way, let nothing more begin, and give the connection back."""
        self._is_closed = True
        if self._is_out:
            await self._home.wait()
        if self._kept is not None:
            await self._pool.release(self._kept)
            self._kept = None

    async def _connection(self) -> Connection:
        if self._kept is not None:
            with suppress(asyncpg.InterfaceError):  # lost, so the pool has it back
                if not self._kept.is_closed():
                    return self._kept
        self._kept = await self._pool.acquire()
        return self._kept

    def _drop(self) -> None:
        """End a connection that failed: it may look alive for a moment longer."""
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(asyncpg.InterfaceError):
                kept.terminate()

    def _returned(self) -> None:
        self._is_out = bool(self._waiting)
        self._batch = asyncio.create_task(self._travel()) if self._is_out else None
        if self._is_closed and not self._is_out:
            self._home.set()

    async def _travel(self) -> None:
        """Take what waits, and see each of it to its outcome, until nothing waits any more."""
        try:
            while self._waiting:
                await self._carry(self._board())
                # Who was just answered often comes again at once: the next batch takes them too.
                await asyncio.sleep(0)
        finally:
            self._returned()

    async def _carry(self, tickets: list[Ticket]) -> None:
        try:
            await _settle(await self._connection(), tickets)
        except UNAVAILABLE as error:
            self._drop()
            _answer_all(tickets, unavailable(error))
        except Exception as error:  # noqa: BLE001 - every caller must be answered
            _answer_all(tickets, error)
        except asyncio.CancelledError:
            left, self._waiting = self._waiting, []
            _answer_all((*tickets, *left), StoreUnavailable("the process is stopping"))
            raise
        else:
            self._committed()

    def _board(self) -> list[Ticket]:
        """The next batch: in order of arrival, each stream once, not too much."""
        boarded: dict[StreamName, Ticket] = {}
        left: list[Ticket] = []
        events = size = 0
        for ticket in self._waiting:
            stream = ticket.request.stream
            if stream in boarded or (
                boarded
                and (
                    events + len(ticket.request.events) > _MOST_EVENTS
                    or size + ticket.bytes > _MOST_BYTES
                )
            ):
                left.append(ticket)
                continue
            boarded[stream] = ticket
            events += len(ticket.request.events)
            size += ticket.bytes
        self._waiting = left
        return list(boarded.values())


def _answer_all(tickets: Iterable[Ticket], error: Exception) -> None:
    for ticket in tickets:
        ticket.answer(error)


async def _settle(connection: Connection, tickets: list[Ticket]) -> None:
    if len(tickets) > 1:
        try:
            outcomes = await append_many(connection, [ticket.request for ticket in tickets])
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
            pass  # one of them is at fault: nothing was stored, each goes alone
        else:
            for ticket, outcome in zip(tickets, outcomes, strict=True):
                if outcome is not None:
                    ticket.answer(outcome)
                else:
                    await _answer(ticket, connection, explain)
            return
    for ticket in tickets:
        await _answer(ticket, connection, append_one)


async def _answer(
    ticket: Ticket,
    connection: Connection,
    ask: Callable[[Connection, Request], Awaitable[Appended]],
) -> None:
    try:
        ticket.answer(await ask(connection, ticket.request))
    except (AppendConflict, IdempotencyViolation, asyncpg.DataError) as refusal:
        ticket.answer(refusal)

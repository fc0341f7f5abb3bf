"""Appends that meet in one process travel together: one round trip and one commit for all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import asyncpg

from event_store.postgres.appending import Request, append_many, append_one, explain
from event_store.postgres.connections import Connection, Pool, translated_errors
from event_store.records import (
    AppendConflict,
    Appended,
    IdempotencyViolation,
    StoreUnavailable,
    StreamName,
)

_IN_FLIGHT: Final = 2
_MOST_EVENTS: Final = 500
_MOST_BYTES: Final = 4_000_000


class Ticket:
    """A request that waits for a batch, and the future its caller waits for."""

    __slots__ = ("bytes", "outcome", "request")

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self.outcome: asyncio.Future[Appended] = loop.create_future()
        self.bytes = sum(len(event.data) + len(event.metadata) for event in request.events)

    def answer(self, outcome: Appended | BaseException) -> None:
        """Give the caller its answer, unless it has gone."""
        if self.outcome.done():
            return
        if isinstance(outcome, Appended):
            self.outcome.set_result(outcome)
        else:
            self.outcome.set_exception(outcome)


class Coalescer:
    """At most two statements in flight; what comes meanwhile goes together with the next.

    An append that meets no other goes at once, by itself and in the caller's own task. In a batch each append keeps
    its own outcome, and a caller that is cancelled takes nobody with it.
    """

    def __init__(self, pool: Pool, committed: Callable[[], None]) -> None:
        """`committed` is called after each commit."""
        self._pool, self._committed = pool, committed
        self._waiting: list[Ticket] = []
        self._in_flight = 0
        self._boarding = False
        self._batches: set[asyncio.Task[None]] = set()

    async def append(self, request: Request) -> Appended:
        """Append, alone or in company."""
        if self._in_flight < _IN_FLIGHT and not self._waiting:
            self._in_flight += 1
            try:
                return await self._alone(request)
            finally:
                self._in_flight -= 1
                self._depart()
        ticket = Ticket(request, asyncio.get_running_loop())
        self._waiting.append(ticket)
        self._depart()
        try:
            return await ticket.outcome
        except asyncio.CancelledError:
            with suppress(ValueError):  # it travels already
                self._waiting.remove(ticket)
            raise

    async def drained(self) -> None:
        """Wait until nothing is on its way."""
        while self._batches:
            await asyncio.wait(self._batches)

    def _depart(self) -> None:
        if self._boarding or not self._waiting or self._in_flight == _IN_FLIGHT:
            return
        self._boarding = True
        self._in_flight += 1
        batch = asyncio.create_task(self._travel())
        self._batches.add(batch)
        batch.add_done_callback(self._arrived)

    def _arrived(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        self._in_flight -= 1
        self._depart()

    async def _alone(self, request: Request) -> Appended:
        with translated_errors():
            async with self._pool.acquire() as connection:
                appended = await append_one(connection, request)
        self._committed()
        return appended

    async def _travel(self) -> None:
        """Take what waits now, and see each of it to its outcome."""
        tickets = self._board()
        self._boarding = False
        self._depart()
        try:
            with translated_errors():
                async with self._pool.acquire() as connection:
                    await _settle(connection, tickets)
        except BaseException as error:
            for ticket in tickets:
                ticket.answer(
                    error
                    if isinstance(error, Exception)
                    else StoreUnavailable("the process is stopping")
                )
            if not isinstance(error, Exception):
                raise
            return
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

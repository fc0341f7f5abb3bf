"""The command loop: load, fold, decide, append; on a conflict, once more with what is there now.

Commands of one stream take turns within a process, and the state that the last one left is kept warm with its
revision, so that a hot stream is not read again. An append proves that the state it was decided on was current.
A refusal, or an empty decision, needs a proof too: a read or an append of this process that began after the command
came. Where there is none the stream is read once, for all who wait for their turn by then.
"""

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic, TypeVar
from uuid import UUID, uuid5

import msgspec

from decider import Decider, Rejection
from event_store.codec import Codec, encode_metadata
from event_store.records import (
    NO_STREAM,
    START,
    AppendConflict,
    Cursor,
    IdempotencyViolation,
    Metadata,
    NewEvent,
    StoreUnavailable,
    StreamName,
)
from event_store.snapshots import Snapshot, Snapshots
from event_store.store import EventStore
from event_store.tracing import current_traceparent, is_recording, span

__all__ = ["CommandContext", "CommandHandler", "Handled"]

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


class CommandContext(msgspec.Struct, frozen=True, kw_only=True):
    """How a command came: its id (repeats of it change nothing), its metadata, and a pinned version.

    `expected_revision` is what the caller saw (`If-Match`); a stream that has moved on then refuses with
    AppendConflict instead of deciding again. `may_repeat`: it comes again by nature, as commands of consumers do. It is
    then not refused, nor answered without events, before the stream was asked whether it was accepted once.
    """

    command_id: UUID
    metadata: Metadata
    expected_revision: int | None = None
    may_repeat: bool = False


class Handled(msgspec.Struct, Generic[S, E], frozen=True):
    """An accepted command: its events (none when the wish was true already), the stream after it, its place."""

    events: Sequence[E]
    state: S
    revision: int
    cursor: Cursor


class _Folded(msgspec.Struct, Generic[S], frozen=True):
    """A state, when it was proved to be current, and up to where there is a snapshot of it."""

    state: S
    revision: int
    cursor: Cursor
    proved: int
    saved: int


class CommandHandler(Generic[C, S, E]):
    """The entry to one aggregate: every command of `category` goes through `handle`."""

    def __init__(
        self,
        store: EventStore,
        decider: Decider[C, S, E],
        codec: Codec[E],
        category: str,
        *,
        attempts: int = 8,
        warm_states: int = 10_000,
        snapshots: Snapshots[S] | None = None,
    ) -> None:
        """`attempts`: decisions made when other processes keep writing; `warm_states`: how many are remembered."""
        self.category = category
        self._store, self._decider, self._codec = store, decider, codec
        self._attempts, self._warm_limit, self._snapshots = attempts, warm_states, snapshots
        self._warm: OrderedDict[StreamName, _Folded[S]] = OrderedDict()
        self._turns = _Turns()
        self._moment = 0  # counts the beginnings of reads and appends

    async def handle(self, command: C, *, key: object, context: CommandContext) -> Handled[S, E]:
        """Decide `command` on the stream of `key` and append what follows.

        Raises the decider's Rejection; AppendConflict when the version was pinned, or when every attempt met a
        concurrent writer; StoreUnavailable. A command that was accepted before gives its first answer when it decides
        events again, and one that `may_repeat` gives it always.
        """
        stream = StreamName(self.category, context.metadata.tenant, str(key))
        if not is_recording():
            return await self._answer(command, stream, context)
        about = {"kabinet.category": self.category, "kabinet.tenant": stream.tenant}
        with span(type(command).__name__, about) as deciding:
            metadata = msgspec.structs.replace(context.metadata, traceparent=current_traceparent())
            here = msgspec.structs.replace(context, metadata=metadata)
            handled = await self._answer(command, stream, here)
            deciding.set_attribute("kabinet.events", len(handled.events))
            return handled

    async def _answer(
        self, command: C, stream: StreamName, context: CommandContext
    ) -> Handled[S, E]:
        came, pinned = self._moment, context.expected_revision
        await self._turns.take(stream)
        try:
            if pinned is not None:
                handled = await self._handle_pinned(command, stream, context, came, pinned)
            else:
                handled = await self._handle(command, stream, context, came)
            if handled.events or not context.may_repeat:
                return handled
            return await self._repeated(stream, context) or handled
        except IdempotencyViolation:
            first = await self._first_answer(stream, context)
            if first is None:
                raise
            return first
        except Rejection:
            first = await self._repeated(stream, context) if context.may_repeat else None
            if first is None:
                raise
            return first
        finally:
            self._turns.give(stream)

    async def load(self, *, tenant: str, key: object) -> tuple[S, int]:
        """The current state and revision of a stream, NO_STREAM when it does not exist."""
        stream = StreamName(self.category, tenant, str(key))
        came = self._moment
        await self._turns.take(stream)
        try:
            folded = await self._recall(stream, proved_after=came)
        finally:
            self._turns.give(stream)
        return folded.state, folded.revision

    async def _handle(
        self, command: C, stream: StreamName, context: CommandContext, came: int
    ) -> Handled[S, E]:
        folded = await self._recall(stream)
        attempt = 1
        while True:
            try:
                events = self._decider.decide(command, folded.state)
                if events:
                    return await self._append(stream, events, folded, context)
                if folded.proved > came:
                    return Handled((), folded.state, folded.revision, folded.cursor)
            except Rejection:
                if folded.proved > came:
                    raise
            except AppendConflict:
                if attempt == self._attempts:
                    raise
                await _jitter(attempt)
                attempt += 1
            folded = await self._refresh(stream, folded)

    async def _handle_pinned(
        self, command: C, stream: StreamName, context: CommandContext, came: int, pinned: int
    ) -> Handled[S, E]:
        folded = await self._recall(stream, proved_after=came)
        if folded.revision != pinned:
            first = await self._first_answer(stream, context)
            if first is None:
                raise AppendConflict(stream, pinned, folded.revision)
            return first
        events = self._decider.decide(command, folded.state)
        if not events:
            return Handled((), folded.state, folded.revision, folded.cursor)
        return await self._append(stream, events, folded, context)

    async def _recall(self, stream: StreamName, *, proved_after: int = -1) -> _Folded[S]:
        folded = self._warm.get(stream)
        if folded is None:
            return await self._refresh(stream, await self._snapshot(stream))
        if folded.proved <= proved_after:
            return await self._refresh(stream, folded)
        return folded

    async def _snapshot(self, stream: StreamName) -> _Folded[S]:
        if self._snapshots is not None:
            kept = await self._snapshots.store.load(stream, self._snapshots.schema)
            if kept is not None:
                state = self._snapshots.decode(kept.state)
                return _Folded(state, kept.revision, kept.cursor, 0, kept.revision)
        return _Folded(self._decider.initial, NO_STREAM, START, 0, NO_STREAM)

    async def _refresh(self, stream: StreamName, folded: _Folded[S]) -> _Folded[S]:
        self._moment += 1
        proved = self._moment
        evolve, state = self._decider.evolve, folded.state
        revision, cursor = folded.revision, folded.cursor
        async for page in self._store.read_stream(stream, after=revision):
            for event in self._codec.decode_all(page):
                state = evolve(state, event)
            revision, cursor = page[-1].revision, page[-1].cursor
        return await self._keep(stream, _Folded(state, revision, cursor, proved, folded.saved))

    async def _append(
        self, stream: StreamName, events: Sequence[E], folded: _Folded[S], context: CommandContext
    ) -> Handled[S, E]:
        self._moment += 1
        proved = self._moment
        metadata = encode_metadata(context.metadata)
        encode = self._codec.encode
        batch = [
            NewEvent(_event_id(context, index), *encode(event), metadata)
            for index, event in enumerate(events)
        ]
        appended = await self._store.append(stream, batch, expected=folded.revision)
        if appended.repeated:
            # The state was an old one, and what is stored may have been decided in other words.
            self._warm.pop(stream, None)
            raise IdempotencyViolation(str(stream))
        evolve, state = self._decider.evolve, folded.state
        for event in events:
            state = evolve(state, event)
        await self._keep(
            stream, _Folded(state, appended.revision, appended.cursor, proved, folded.saved)
        )
        return Handled(events, state, appended.revision, appended.cursor)

    async def _repeated(self, stream: StreamName, context: CommandContext) -> Handled[S, E] | None:
        """The first answer, too, but nothing is decoded where there is none, which is what is usual."""
        wanted = _event_id(context, 0)
        async for page in self._store.read_stream(stream):
            if any(recorded.id == wanted for recorded in page):
                return await self._first_answer(stream, context)
        return None

    async def _first_answer(
        self, stream: StreamName, context: CommandContext
    ) -> Handled[S, E] | None:
        """What this command led to when it was accepted, None when it never was."""
        state, found, wanted = self._decider.initial, list[E](), _event_id(context, 0)
        answer: Handled[S, E] | None = None
        async for page in self._store.read_stream(stream):
            for recorded, event in zip(page, self._codec.decode_all(page), strict=True):
                state = self._decider.evolve(state, event)
                if recorded.id == wanted:
                    found.append(event)
                    wanted = _event_id(context, len(found))
                    answer = Handled(tuple(found), state, recorded.revision, recorded.cursor)
                elif answer is not None:
                    return answer
        return answer

    async def _keep(self, stream: StreamName, folded: _Folded[S]) -> _Folded[S]:
        snapshots = self._snapshots
        if snapshots is not None and folded.revision - folded.saved >= snapshots.every:
            snapshot = Snapshot(folded.revision, folded.cursor, snapshots.encode(folded.state))
            with suppress(StoreUnavailable):
                await snapshots.store.save(stream, snapshots.schema, snapshot)
            folded = msgspec.structs.replace(folded, saved=folded.revision)
        self._warm[stream] = folded
        self._warm.move_to_end(stream)
        if len(self._warm) > self._warm_limit:
            self._warm.popitem(last=False)
        return folded


class _Turns:
    """One at a time for each stream, in the order they came."""

    def __init__(self) -> None:
        self._queues: dict[StreamName, deque[asyncio.Future[None]]] = {}

    async def take(self, stream: StreamName) -> None:
        queue = self._queues.get(stream)
        if queue is None:
            self._queues[stream] = deque()
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given the turn in the same moment
                self.give(stream)
            raise

    def give(self, stream: StreamName) -> None:
        queue = self._queues[stream]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._queues[stream]


def _event_id(context: CommandContext, index: int) -> UUID:
    return uuid5(context.command_id, str(index))


async def _jitter(attempt: int) -> None:
    if attempt > 1:
        await asyncio.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - not for secrets

"""The command loop: load, fold, decide, append; on a conflict, once more with what is there now.

A state that this process has folded before is kept warm with its revision, so a hot stream is not read again: the
append proves that the state was current, and a refusal or an empty decision on a warm state is proved by one read of
what came after it.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID, uuid5

from decider import Decider, Rejection
from event_store.codec import Codec, encode_metadata
from event_store.records import (
    NO_STREAM,
    START,
    AppendConflict,
    Cursor,
    Metadata,
    NewEvent,
    StreamName,
)
from event_store.store import EventStore

__all__ = ["CommandContext", "CommandHandler", "Handled"]

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """How a command came: its id (repeats of it change nothing), its metadata, and a pinned version.

    `expected_revision` is what the caller saw (`If-Match`); a stream that has moved on then refuses with
    AppendConflict instead of deciding again.
    """

    command_id: UUID
    metadata: Metadata
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Handled(Generic[S, E]):
    """An accepted command: its events (none when the wish was true already), the stream after it, its place."""

    events: Sequence[E]
    state: S
    revision: int
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class _Folded(Generic[S]):
    state: S
    revision: int
    cursor: Cursor


class CommandHandler(Generic[C, S, E]):
    """The entry to one aggregate: every command of `category` goes through `handle`."""

    def __init__(
        self,
        store: EventStore,
        decider: Decider[C, S, E],
        codec: Codec[E],
        category: str,
        *,
        attempts: int = 4,
        warm_states: int = 10_000,
    ) -> None:
        self.category = category
        self._store, self._decider, self._codec = store, decider, codec
        self._attempts, self._warm_limit = attempts, warm_states
        self._warm: OrderedDict[StreamName, _Folded[S]] = OrderedDict()

    async def handle(self, command: C, *, key: object, context: CommandContext) -> Handled[S, E]:
        """Decide `command` on the stream of `key` and append what follows.

        Raises the decider's Rejection; AppendConflict when the version was pinned, or when every attempt met a
        concurrent writer; StoreUnavailable.
        """
        stream = StreamName(self.category, context.metadata.tenant, str(key))
        folded, is_current = await self._recall(stream)
        if context.expected_revision is not None:
            return await self._handle_pinned(command, stream, folded, context)
        for attempt in range(1, self._attempts + 1):
            try:
                events = self._decider.decide(command, folded.state)
                if events:
                    return await self._append(stream, events, folded, context)
                if is_current:
                    return Handled((), folded.state, folded.revision, folded.cursor)
            except Rejection:
                if is_current:
                    raise
            except AppendConflict:
                if attempt == self._attempts:
                    raise
                await _jitter(attempt)
            folded, is_current = await self._refresh(stream, folded), True
        raise AssertionError("the last attempt answers or raises")

    async def _handle_pinned(
        self, command: C, stream: StreamName, folded: _Folded[S], context: CommandContext
    ) -> Handled[S, E]:
        folded = await self._refresh(stream, folded)
        if folded.revision != context.expected_revision:
            raise AppendConflict(stream, context.expected_revision or 0, folded.revision)
        events = self._decider.decide(command, folded.state)
        if not events:
            return Handled((), folded.state, folded.revision, folded.cursor)
        return await self._append(stream, events, folded, context)

    async def load(self, *, tenant: str, key: object) -> tuple[S, int]:
        """The current state and revision of a stream, NO_STREAM when it does not exist."""
        stream = StreamName(self.category, tenant, str(key))
        folded = await self._refresh(stream, (await self._recall(stream))[0])
        return folded.state, folded.revision

    async def _recall(self, stream: StreamName) -> tuple[_Folded[S], bool]:
        warm = self._warm.get(stream)
        if warm is not None:
            self._warm.move_to_end(stream)
            return warm, False
        return await self._refresh(stream, _Folded(self._decider.initial, NO_STREAM, START)), True

    async def _refresh(self, stream: StreamName, folded: _Folded[S]) -> _Folded[S]:
        state, revision, cursor = folded.state, folded.revision, folded.cursor
        async for page in self._store.read_stream(stream, after=revision):
            for event in self._codec.decode_all(page):
                state = self._decider.evolve(state, event)
            revision, cursor = page[-1].revision, page[-1].cursor
        fresh = _Folded(state, revision, cursor)
        self._keep(stream, fresh)
        return fresh

    async def _append(
        self, stream: StreamName, events: Sequence[E], folded: _Folded[S], context: CommandContext
    ) -> Handled[S, E]:
        metadata = encode_metadata(context.metadata)
        batch = [
            NewEvent(uuid5(context.command_id, str(index)), *self._codec.encode(event), metadata)
            for index, event in enumerate(events)
        ]
        appended = await self._store.append(stream, batch, expected=folded.revision)
        state = folded.state
        for event in events:
            state = self._decider.evolve(state, event)
        self._keep(stream, _Folded(state, appended.revision, appended.cursor))
        return Handled(events, state, appended.revision, appended.cursor)

    def _keep(self, stream: StreamName, folded: _Folded[S]) -> None:
        kept = self._warm.get(stream)
        if kept is not None and kept.revision > folded.revision:
            return
        self._warm[stream] = folded
        self._warm.move_to_end(stream)
        if len(self._warm) > self._warm_limit:
            self._warm.popitem(last=False)


async def _jitter(attempt: int) -> None:
    if attempt > 1:
        await asyncio.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - not for secrets

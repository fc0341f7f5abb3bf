"""Consumers: of another service's topic, and of the service's own store. One engine under both."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import Any, Final, Protocol

import msgspec

from decider import Rejection
from event_store import Codec, Cursor, EventFilter, EventStore, UnknownEventType
from messaging.bus import BEGINNING, AssignedPartition, Bus, MessagingUnavailable, TopicLike
from messaging.cause import Cause, Clock
from messaging.envelope import MALFORMED, Envelope, MalformedEnvelope, of_recorded
from messaging.inbox import Claim, Flow, Inbox, Instances
from messaging.process import Process, Reaction, Reactions
from messaging.pump import Handle, HandleRows, Pump, Runnable, Terms, ended, hold, together
from messaging.standstill import StandsStill, Standstill
from messaging.tracing import processing, processing_batch, reacting
from messaging.watch import LoggingWatch, Watch

__all__ = [
    "PublicEventLike",
    "batch_consumer",
    "bus_consumer",
    "count_after",
    "mark_of",
    "own_consumer",
]

_MEASURE_SECONDS: Final = 5.0


class PublicEventLike(Protocol):
    """An event of `contracts`, by its shape."""

    @classmethod
    def type_name(cls) -> str:
        """The name on the bus, with the version."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: bytes) -> Any:  # Any: pydantic's Self
        """The event in these bytes."""
        ...

    def model_dump_json(self) -> str:
        """The JSON on the bus."""
        ...


def bus_consumer(
    *,
    service: str,
    topic: TopicLike,
    handlers: Mapping[type[Any], Reaction],
    app: object,
    bus: Bus,
    inbox: Inbox,
    clock: Clock,
    retryable: tuple[type[Exception], ...] = (),
    watch: Watch | None = None,
    terms: Terms | None = None,
) -> Runnable:
    """Consumes the events of `topic` that stand in `handlers`; the others are passed over.

    `handlers`: a class of `contracts` to its handler, in one of the two forms of `messaging.process.Reaction`.
    `retryable`: errors that pass by themselves, beside the kernel's own.
    """
    watch = watch or LoggingWatch()
    kinds = {kind.type_name(): kind for kind in handlers}
    reactions = Reactions(topic.name, handlers, app)

    async def handle(envelope: Envelope) -> Instances:
        _refuse_malformed(envelope)
        with processing(bus.system, topic, service, envelope):
            event = kinds[envelope.type].model_validate_json(envelope.data)
            await _react(reactions, event, Cause(envelope, clock.now(), service), watch)
        return Instances()

    return _BusConsumer(
        service, topic, kinds.keys(), bus, inbox, watch, terms or Terms(), retryable, handle=handle
    )


def batch_consumer(
    *,
    name: str,
    topic: TopicLike,
    types: Collection[str],
    apply: HandleRows,
    bus: Bus,
    inbox: Inbox,
    watch: Watch | None = None,
    terms: Terms | None = None,
) -> Runnable:
    """Writes rows of the inbox's own database from the events of `topic` whose wire type is in `types`.

    Rows and position commit together, so each event counts exactly once.
    """

    async def rows(connection: Any, envelopes: Sequence[Envelope]) -> None:  # Any: see HandleRows
        for envelope in envelopes:
            _refuse_malformed(envelope)
        with processing_batch(bus.system, topic, name, envelopes):
            await apply(connection, envelopes)

    return _BusConsumer(
        name, topic, types, bus, inbox, watch or LoggingWatch(), terms or Terms(), (), rows=rows
    )


def own_consumer(
    *,
    service: str,
    process: Process,
    store: EventStore,
    codec: Codec[Any],
    app: object,
    inbox: Inbox,
    clock: Clock,
    retryable: tuple[type[Exception], ...] = (),
    watch: Watch | None = None,
    terms: Terms | None = None,
) -> Runnable:
    """Runs a process over the events of the service's own store, from the beginning of history.

    `codec` knows the stored names of the process's events, old versions too. A version that it does not know yet steps
    aside with its key, and is tried again until a newer process does.
    """
    return _OwnConsumer(
        service,
        process,
        store,
        codec,
        app,
        inbox,
        clock,
        watch or LoggingWatch(),
        terms or process.terms,
        retryable,
    )


class _BusConsumer:
    def __init__(
        self,
        name: str,
        topic: TopicLike,
        types: Collection[str],
        bus: Bus,
        inbox: Inbox,
        watch: Watch,
        terms: Terms,
        retryable: tuple[type[Exception], ...],
        *,
        handle: Handle | None = None,
        rows: HandleRows | None = None,
    ) -> None:
        self._name, self._topic, self._types = name, topic, frozenset(types)
        self._bus, self._inbox, self._watch = bus, inbox, watch
        self._terms, self._retryable = terms, retryable
        self._handle, self._rows = handle, rows
        self._holder = token_hex(8)

    async def run(self) -> None:
        """See Runnable."""
        consuming = self._bus.consume(self._topic, self._name, self._work)
        await together(consuming, self._measure())

    async def standing(self) -> tuple[int, object]:
        """See Runnable."""
        behind, offsets = await self._behind()
        return sum(behind), offsets

    async def _work(self, partition: AssignedPartition) -> None:
        async def body(claim: Claim) -> None:
            pump = Pump(
                self._inbox,
                claim,
                handle=self._handle,
                rows=self._rows,
                terms=self._terms,
                retryable=self._retryable,
                watch=self._watch,
            )
            await pump.run(partial(self._feed, partition, claim))

        flow = self._flow(partition.index)
        await hold(self._inbox, flow, body, holder=self._holder, lease=None, watch=self._watch)

    async def _feed(self, partition: AssignedPartition, claim: Claim, pump: Pump) -> None:
        batches = partition.batches(after=claim.offset, limit=self._terms.batch)
        mark = claim.mark
        async with ended(batches):
            async for batch in batches:
                wanted = []
                for _, envelope in batch:
                    if envelope.type == MALFORMED:
                        mark = f"{mark}!"  # behind what came before, ahead of what comes next
                        wanted.append(msgspec.structs.replace(envelope, position=mark))
                    elif envelope.type in self._types:
                        wanted.append(envelope)
                    mark = max(mark, envelope.position)
                await pump.take(wanted, mark=mark, offset=batch[-1].offset)
                partition.acknowledge(batch[-1].offset)

    def _flow(self, partition: int) -> Flow:
        return Flow(self._name, self._topic.name, partition)

    async def _measure(self) -> None:
        now = asyncio.get_running_loop().time
        standstill = Standstill(self._terms.longest_standstill)
        while True:
            await asyncio.sleep(_MEASURE_SECONDS)
            with suppress(MessagingUnavailable):
                behind, offsets = await self._behind()
                for partition, count in enumerate(behind):
                    self._watch.lag(self._flow(partition), count)
                for partition in standstill.look(behind, offsets, now()):
                    self._watch.stalled(self._flow(partition), StandsStill())

    async def _behind(self) -> tuple[list[int], list[int]]:
        ends = await self._bus.ends(self._topic)
        offsets = [BEGINNING] * len(ends)
        for position in await self._inbox.positions():
            flow = position.flow
            if (flow.consumer, flow.source) == (self._name, self._topic.name):
                offsets[flow.partition] = position.offset
        return [end - offset for end, offset in zip(ends, offsets, strict=True)], offsets


class _OwnConsumer:
    def __init__(
        self,
        service: str,
        process: Process,
        store: EventStore,
        codec: Codec[Any],
        app: object,
        inbox: Inbox,
        clock: Clock,
        watch: Watch,
        terms: Terms,
        retryable: tuple[type[Exception], ...],
    ) -> None:
        self._service, self._process = service, process
        self._store, self._codec, self._inbox, self._clock = store, codec, inbox, clock
        # What a newer process has written already waits aside until this one is replaced as well.
        self._retryable: tuple[type[Exception], ...] = (UnknownEventType, *retryable)
        self._watch, self._terms = watch, terms
        self._flow = Flow(f"{service}.{process.name}", service)
        self._where = EventFilter(families=codec.families(process.events))
        self._reactions = Reactions(process.name, process.reactions, app)
        self._holder = token_hex(8)

    async def run(self) -> None:
        """See Runnable."""
        await hold(
            self._inbox,
            self._flow,
            self._body,
            holder=self._holder,
            lease=self._terms.lease,
            watch=self._watch,
        )

    async def standing(self) -> tuple[int, object]:
        """See Runnable."""
        mark = await mark_of(self._inbox, self._flow)
        return await count_after(self._store, mark, self._where), mark

    async def _body(self, claim: Claim) -> None:
        pump = Pump(
            self._inbox,
            claim,
            handle=self._handle,
            terms=self._terms,
            retryable=self._retryable,
            watch=self._watch,
        )
        await pump.run(partial(self._feed, claim))

    async def _feed(self, claim: Claim, pump: Pump) -> None:
        pages = self._store.subscribe(
            after=Cursor.parse(claim.mark), where=self._where, page_size=self._terms.batch
        )
        async with ended(pages):
            async for page in pages:
                envelopes = [of_recorded(self._service, recorded) for recorded in page.events]
                await pump.take(envelopes, mark=str(page.cursor), offset=BEGINNING)

    async def _handle(self, envelope: Envelope) -> Instances:
        event = self._codec.decode(envelope)
        cause = Cause(envelope, self._clock.now(), self._flow.consumer)
        with reacting(self._flow.consumer, envelope):
            await _react(self._reactions, event, cause, self._watch)
        return self._instances(event, envelope)

    def _instances(self, event: object, envelope: Envelope) -> Instances:
        starts, ends = self._process.starts.get(type(event)), self._process.ends.get(type(event))
        name, time = self._flow.consumer, envelope.metadata.time
        return Instances(
            started=[(name, starts(event), time)] if starts else (),
            ended=[(name, ends(event), time)] if ends else (),
        )


def _refuse_malformed(envelope: Envelope) -> None:
    """So that it ends in the parking lot, like everything that nobody can handle."""
    if envelope.type == MALFORMED:
        raise MalformedEnvelope("kept aside")


async def _react(reactions: Reactions, event: object, cause: Cause, watch: Watch) -> None:
    def rejected(rejection: Rejection) -> None:
        watch.rejected(cause.consumer, cause.envelope, rejection.code)

    await reactions.react(event, cause, cause.command, rejected)


async def mark_of(inbox: Inbox, flow: Flow) -> str:
    """How far a flow is, "" when it has not begun."""
    for position in await inbox.positions():
        if position.flow == flow:
            return position.mark
    return ""


async def count_after(store: EventStore, mark: str, where: EventFilter) -> int:
    """How many events are behind a mark."""
    count = 0
    async for page in store.read_all(after=Cursor.parse(mark), where=where):
        count += len(page.events)
    return count

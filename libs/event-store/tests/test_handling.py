import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid5

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from decider import Decider, Rejection, fold
from event_store import (
    NO_STREAM,
    AppendConflict,
    Appended,
    Codec,
    CommandContext,
    CommandHandler,
    EventStore,
    Handled,
    IdempotencyViolation,
    Metadata,
    NewEvent,
    RecordedEvent,
    Snapshots,
    StoreUnavailable,
    StreamName,
)
from event_store.codec import encode_metadata
from event_store.memory import MemoryEventStore, MemorySnapshotStore
from event_store.snapshots import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Into a box with three places; one thing at most once."""

    thing: str
    wrapped: str = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    thing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    thing: str
    wrapped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    thing: str


class Full(Rejection):
    code = "FULL"


Box = tuple[str, ...]


def decide(command: Put | Remove, box: Box) -> Sequence[Added | Removed]:
    match command:
        case Put():
            if command.thing in box:
                return []
            if len(box) == 3:
                raise Full
            return [Added(thing=command.thing, wrapped=command.wrapped)]
        case Remove():
            return [Removed(thing=command.thing)] if command.thing in box else []


def evolve(box: Box, event: Added | Removed) -> Box:
    match event:
        case Added():
            return (*box, event.thing)
        case Removed():
            return tuple(thing for thing in box if thing != event.thing)


BOX: Decider[Put | Remove, Box, Added | Removed] = Decider(initial=(), decide=decide, evolve=evolve)
CODEC: Codec[Added | Removed] = Codec({Added: "Added.v1", Removed: "Removed.v1"})
METADATA = Metadata(
    tenant="north",
    actor="account:1",
    role="patient",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    correlation=UUID(int=1),
)
STREAM = StreamName("box", "north", "b")

numbers = count(1)

Handler = CommandHandler[Put | Remove, Box, Added | Removed]


def handler(store: EventStore, *, attempts: int = 8, warm_states: int = 10_000) -> Handler:
    return CommandHandler(store, BOX, CODEC, "box", attempts=attempts, warm_states=warm_states)


def context(
    number: int | None = None, *, pinned: int | None = None, may_repeat: bool = False
) -> CommandContext:
    return CommandContext(
        command_id=UUID(int=number if number is not None else 10**9 + next(numbers)),
        metadata=METADATA,
        expected_revision=pinned,
        may_repeat=may_repeat,
    )


async def put(
    boxes: Handler, thing: str, number: int | None = None, *, pinned: int | None = None
) -> Handled[Box, Added | Removed]:
    return await boxes.handle(Put(thing=thing), key="b", context=context(number, pinned=pinned))


class Watched(MemoryEventStore):
    """Counts reads and appends, gives way to others before each, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.appends = 0
        self.pauses: list[int] = []
        self.lose_answers = 0
        self.read_after: list[int] = []
        self.appended: list[Callable[[], object]] = []

    @override
    async def append(
        self, stream: StreamName, events: Sequence[NewEvent], *, expected: int
    ) -> Appended:
        self.appends += 1
        await self.pause()
        appended = await super().append(stream, events, expected=expected)
        if self.lose_answers:
            self.lose_answers -= 1
            raise StoreUnavailable("the answer was lost")
        await self.pause()
        for call in self.appended:
            asyncio.get_running_loop().call_soon(call)
        return appended

    @override
    async def read_stream(
        self,
        stream: StreamName,
        *,
        after: int = NO_STREAM,
        backwards: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        self.reads += 1
        self.read_after.append(after)
        await self.pause()
        pages = [
            page
            async for page in super().read_stream(
                stream, after=after, backwards=backwards, limit=limit
            )
        ]
        await self.pause()
        for page in pages:
            yield page

    async def pause(self) -> None:
        for _ in range(self.pauses.pop() if self.pauses else 1):
            await asyncio.sleep(0)


async def things(store: EventStore) -> list[str]:
    pages = store.read_stream(STREAM)
    return [
        event.data.decode() async for page in pages for event in page if event.type == "Added.v1"
    ]


async def test_an_accepted_command_answers_its_events_and_where_they_stand() -> None:
    store = MemoryEventStore()
    handled = await put(handler(store), "pen", 5)
    [recorded] = [event async for page in store.read_stream(STREAM) for event in page]
    assert handled == Handled([Added(thing="pen", wrapped="paper")], ("pen",), 0, recorded.cursor)
    assert recorded.id == uuid5(UUID(int=5), "0")
    assert recorded.type == "Added.v1"
    assert recorded.metadata == encode_metadata(METADATA)
    assert recorded.meta() == METADATA
    assert recorded.key("box") == "b"


@pytest.mark.requirement("OPS-02")
async def test_every_event_says_what_who_for_whom_when_and_why() -> None:
    store = MemoryEventStore()
    whole = Metadata(
        tenant="north",
        actor="account:1",
        subject="patient-7",
        role="representative",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        correlation=UUID(int=1),
        causation=UUID(int=2),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        policy=4,
    )
    command = CommandContext(command_id=UUID(int=5), metadata=whole)
    await handler(store).handle(Put(thing="a"), key="b", context=command)
    pages = [page async for page in store.read_stream(STREAM)]
    event = pages[0][0]
    assert (event.stream, event.revision, event.type) == ("box-north.b", 0, "Added.v1")
    assert event.id == uuid5(command.command_id, "0")
    assert event.meta() == whole


async def test_a_wish_that_is_true_already_answers_without_events() -> None:
    store = MemoryEventStore()
    boxes = handler(store)
    first = await put(boxes, "pen")
    again = await put(boxes, "pen")
    assert again == Handled((), ("pen",), 0, first.cursor)


async def test_a_hot_stream_is_not_read_again() -> None:
    store = Watched()
    boxes = handler(store)
    for thing in ("pen", "cup", "key"):
        await put(boxes, thing)
    assert store.reads == 1


async def test_only_so_many_states_are_kept_warm() -> None:
    store = Watched()
    boxes = handler(store, warm_states=2)
    for key in ("1", "2", "1", "3", "1", "2"):
        await boxes.handle(Put(thing=str(next(numbers))), key=key, context=context())
    assert store.reads == 4  # 1, 2, 3, and 2 again, which 3 had pushed out


async def test_a_refusal_on_a_warm_state_is_proved_by_a_read() -> None:
    store = Watched()
    here, there = handler(store), handler(store)
    for thing in ("pen", "cup", "key"):
        await put(here, thing)
    await there.handle(Remove(thing="cup"), key="b", context=context())
    assert (await put(here, "hat")).state == ("pen", "key", "hat")
    with pytest.raises(Full):
        await put(there, "bag")


async def test_an_empty_decision_on_a_warm_state_is_proved_by_a_read() -> None:
    store = Watched()
    here, there = handler(store), handler(store)
    await put(here, "pen")
    await there.handle(Remove(thing="pen"), key="b", context=context())
    assert (await put(here, "pen")).events == [Added(thing="pen", wrapped="paper")]


async def test_a_stale_state_is_decided_on_again_after_a_conflict() -> None:
    store = Watched()
    here, there = handler(store), handler(store)
    await put(here, "pen")
    await put(there, "cup")
    assert (await put(here, "key")).state == ("pen", "cup", "key")
    with pytest.raises(Full):
        await put(there, "hat")
    assert await here.load(tenant="north", key="b") == (("pen", "cup", "key"), 2)
    assert await there.load(tenant="north", key="other") == ((), NO_STREAM)


class Contended(Watched):
    """Somebody else is always faster."""

    @override
    async def append(
        self, stream: StreamName, events: Sequence[NewEvent], *, expected: int
    ) -> Appended:
        await super().append(
            stream,
            [NewEvent(context().command_id, "Removed.v1", b'{"thing":"x"}', b"{}")],
            expected=expected,
        )
        return await super().append(stream, events, expected=expected)


async def test_a_command_gives_up_after_its_attempts() -> None:
    store = Contended()
    with pytest.raises(AppendConflict) as conflict:
        await put(handler(store, attempts=3), "pen")
    assert (conflict.value.expected, conflict.value.actual) == (1, 2)


@pytest.mark.parametrize(("pinned", "is_accepted"), [(0, False), (1, True), (2, False)])
async def test_a_pinned_version_must_be_the_current_one(pinned: int, *, is_accepted: bool) -> None:
    store = Watched()
    here, there = handler(store), handler(store)
    await put(here, "pen")
    await put(there, "cup")
    if is_accepted:
        assert (await put(here, "key", pinned=pinned)).revision == 2
    else:
        with pytest.raises(AppendConflict) as conflict:
            await put(here, "key", pinned=pinned)
        assert (conflict.value.expected, conflict.value.actual) == (pinned, 1)


async def test_a_pinned_command_is_not_decided_again() -> None:
    store = Contended()
    with pytest.raises(AppendConflict):
        await put(handler(store), "pen", pinned=NO_STREAM)
    assert store.appends == 2  # the other one's and its own


async def test_a_pinned_wish_that_is_true_already_answers_without_events() -> None:
    store = Watched()
    boxes = handler(store)
    await put(boxes, "pen")
    assert (await put(boxes, "pen", pinned=0)).events == ()


async def test_a_pinned_command_that_was_accepted_gives_its_first_answer() -> None:
    store = Watched()
    first = await put(handler(store), "pen", 5, pinned=NO_STREAM)
    await put(handler(store), "cup")
    again = await put(handler(store), "pen", 5, pinned=NO_STREAM)
    assert again == Handled(tuple(first.events), ("pen",), 0, first.cursor)


async def test_a_command_whose_answer_was_lost_is_appended_once() -> None:
    store = Watched()
    boxes = handler(store)
    await put(boxes, "pen")
    store.lose_answers = 1
    cup = Put(thing="cup", wrapped="silk")
    with pytest.raises(StoreUnavailable):
        await boxes.handle(cup, key="b", context=context(5))
    worded_anew = Put(thing="cup", wrapped="wool")
    again = await boxes.handle(worded_anew, key="b", context=context(5))
    assert again.events == (Added(thing="cup", wrapped="silk"),)
    assert await boxes.load(tenant="north", key="b") == (("pen", "cup"), 1)
    assert len(await things(store)) == 2


async def test_a_command_that_was_accepted_changes_nothing_when_the_world_has_moved_on() -> None:
    store = Watched()
    boxes = handler(store)
    first = await put(boxes, "pen", 5)
    await boxes.handle(Remove(thing="pen"), key="b", context=context())
    assert (await put(boxes, "pen", 5)) == Handled(tuple(first.events), ("pen",), 0, first.cursor)
    assert await boxes.load(tenant="north", key="b") == ((), 1)


@pytest.mark.parametrize("later", ["pen", "hat"])
async def test_what_comes_again_by_nature_gives_its_first_answer_where_the_rules_say_no_by_now(
    later: str,
) -> None:
    """Accepted, and killed before anybody heard: by now the wish is true already, or would be refused."""
    store = MemoryEventStore()
    boxes, again = handler(store), context(5, may_repeat=True)
    first = await boxes.handle(Put(thing="pen"), key="b", context=again)
    await put(boxes, "cup")
    await put(boxes, "key")
    if later == "hat":
        await boxes.handle(Remove(thing="pen"), key="b", context=context())
        await put(boxes, "hat")
    for handler_ in (boxes, handler(store)):
        assert await handler_.handle(Put(thing="pen"), key="b", context=again) == Handled(
            tuple(first.events), ("pen",), 0, first.cursor
        )


async def test_what_comes_again_by_nature_and_was_never_accepted_is_answered_as_ever() -> None:
    store = Watched()
    boxes = handler(store)
    for thing in ("pen", "cup", "key"):
        await boxes.handle(Put(thing=thing), key="b", context=context(may_repeat=True))
    assert store.reads == 1  # none of them was asked for twice
    assert (
        await boxes.handle(Put(thing="cup"), key="b", context=context(may_repeat=True))
    ).events == ()
    with pytest.raises(Full):
        await boxes.handle(Put(thing="hat"), key="b", context=context(may_repeat=True))


async def test_a_command_id_of_another_stream_is_an_error() -> None:
    store = Watched()
    boxes = handler(store)
    await put(boxes, "pen", 5)
    with pytest.raises(IdempotencyViolation):
        await boxes.handle(Put(thing="pen"), key="other", context=context(5))
    assert await boxes.load(tenant="north", key="other") == ((), NO_STREAM)


async def test_many_commands_at_once_read_the_stream_once() -> None:
    store = Watched()
    boxes = handler(store)
    answers = await asyncio.gather(
        *(put(boxes, str(number)) for number in range(200)), return_exceptions=True
    )
    assert sum(isinstance(answer, Full) for answer in answers) == 197
    assert len(await things(store)) == 3
    assert (store.reads, store.appends) == (2, 3)  # one of the reads is the test's own


async def test_many_refusals_at_once_share_one_read_that_began_after_they_came() -> None:
    store = Watched()
    here, there = handler(store), handler(store)
    for thing in ("pen", "cup", "key"):
        await put(here, thing)
    store.reads = 0
    first = asyncio.create_task(put(here, "hat"))
    await asyncio.sleep(0)
    assert store.reads == 1
    # The read of the first one is on its way when this happens, so it may prove nothing to those who come now.
    store.pauses = [9, 9]
    await there.handle(Remove(thing="cup"), key="b", context=context())
    late = [asyncio.create_task(put(here, f"hat {number}")) for number in range(50)]
    with pytest.raises(Full):
        await first
    answers = await asyncio.gather(*late, return_exceptions=True)
    assert sum(isinstance(answer, Handled) for answer in answers) == 1
    assert sum(isinstance(answer, Full) for answer in answers) == 49


async def test_a_cancelled_command_lets_the_next_one_have_its_turn() -> None:
    store = Watched()
    boxes = handler(store)
    callers = [asyncio.create_task(put(boxes, str(number))) for number in range(6)]
    await asyncio.sleep(0)
    for number in (0, 2, 3):
        callers[number].cancel()
    await asyncio.wait(callers)
    assert [caller.cancelled() for caller in callers] == [True, False, True, True, False, False]
    assert set((await boxes.load(tenant="north", key="b"))[0]) >= {"1", "4"}


async def test_a_turn_that_is_given_to_a_command_cancelled_in_that_moment_goes_on() -> None:
    store = Watched()
    boxes = handler(store)
    first, second, third = (asyncio.create_task(put(boxes, thing)) for thing in ("1", "2", "3"))
    store.appended = [second.cancel]
    await asyncio.wait((first, second, third), timeout=5)
    assert second.cancelled()
    assert (await third).state == ("1", "3")


class Unsaved(MemorySnapshotStore):
    @override
    async def save(self, stream: StreamName, schema: str, snapshot: Snapshot) -> None:
        raise StoreUnavailable("no room")


def with_snapshots(store: EventStore, kept: MemorySnapshotStore, schema: str = "box.v1") -> Handler:
    return CommandHandler(
        store,
        BOX,
        CODEC,
        "box",
        snapshots=Snapshots(
            store=kept,
            schema=schema,
            encode=msgspec.json.encode,
            decode=msgspec.json.Decoder(Box).decode,
            every=4,
        ),
    )


async def fill_and_empty(boxes: Handler, times: int) -> None:
    for _ in range(times):
        await put(boxes, "pen")
        await boxes.handle(Remove(thing="pen"), key="b", context=context())


async def test_a_long_stream_is_read_from_its_snapshot_on() -> None:
    store, kept = Watched(), MemorySnapshotStore()
    await fill_and_empty(with_snapshots(store, kept), 5)
    saved = await kept.load(STREAM, "box.v1")
    assert saved is not None
    assert saved.revision == 7  # after 4 and again after 4
    boxes = with_snapshots(store, kept)
    assert (await put(boxes, "cup")).state == ("cup",)
    assert store.read_after[-1] == 7


async def test_a_snapshot_of_another_shape_is_not_read() -> None:
    store, kept = Watched(), MemorySnapshotStore()
    await fill_and_empty(with_snapshots(store, kept), 3)
    await put(with_snapshots(store, kept), "cup")
    await kept.save(STREAM, "box.v0", Snapshot(6, (await store.position()), b"no state at all"))
    boxes = with_snapshots(store, kept)
    assert await boxes.load(tenant="north", key="b") == (("cup",), 6)
    assert store.read_after[-1] == NO_STREAM
    saved = await kept.load(STREAM, "box.v1")
    assert saved == Snapshot(6, await store.position(), b'["cup"]')


async def test_a_snapshot_that_cannot_be_saved_is_done_without() -> None:
    store = Watched()
    boxes = with_snapshots(store, Unsaved())
    await fill_and_empty(boxes, 5)
    assert await boxes.load(tenant="north", key="b") == ((), 9)


@dataclass(frozen=True, slots=True)
class Told:
    """One command, what came of it, and how long the stream was before and after."""

    command: Put | Remove
    outcome: Handled[Box, Added | Removed] | Rejection
    before: int
    after: int


commands = st.builds(Put, thing=st.sampled_from("abcde")) | st.builds(
    Remove, thing=st.sampled_from("abcde")
)


@settings(deadline=None, max_examples=150)
@given(
    plan=st.lists(st.tuples(commands, st.integers(0, 1), st.integers(0, 6)), max_size=14),
    pauses=st.lists(st.integers(0, 4), max_size=80),
)
def test_commands_through_two_handlers_equal_some_serial_order(
    plan: list[tuple[Put | Remove, int, int]], pauses: list[int]
) -> None:
    async def tell() -> tuple[list[Told], list[Added | Removed]]:
        store = Watched()
        store.pauses = pauses
        handlers = [handler(store, attempts=50), handler(store, attempts=50)]

        async def one(command: Put | Remove, which: int, delay: int) -> Told:
            for _ in range(delay):
                await asyncio.sleep(0)
            before = len(store._events)
            try:
                outcome: Handled[Box, Added | Removed] | Rejection = await handlers[which].handle(
                    command, key="b", context=context()
                )
            except Rejection as refusal:
                outcome = refusal
            return Told(command, outcome, before, len(store._events))

        told = await asyncio.gather(*(one(*step) for step in plan))
        return told, CODEC.decode_all(store._events)

    told, log = asyncio.run(tell())
    states = [fold(BOX, log[:length]) for length in range(len(log) + 1)]
    appended = 0
    for one in told:
        if isinstance(one.outcome, Handled) and one.outcome.events:
            [event] = one.outcome.events
            appended += 1
            place = one.outcome.revision
            assert log[place] == event
            assert one.before <= place < one.after
            assert BOX.decide(one.command, states[place]) == [event]
            assert one.outcome.state == states[place + 1]
        else:
            answers = [answer(one.command, state) for state in states[one.before : one.after + 1]]
            assert ("refused" if isinstance(one.outcome, Rejection) else "nothing") in answers
    assert appended == len(log)


def answer(command: Put | Remove, state: Box) -> str:
    try:
        return "nothing" if not BOX.decide(command, state) else "events"
    except Rejection:
        return "refused"

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
from typing_extensions import override

from event_store import Codec, Cursor, EventStore, NewEvent, Page, StreamName
from event_store.codec import encode_metadata
from event_store.memory import MemoryEventStore
from event_store.postgres import PostgresEventStore
from messaging import Envelope, Flow, Inbox, MessagingUnavailable, Relay, Terms, TopicLike
from messaging.memory import MemoryBus, MemoryInbox
from messaging.postgres import PostgresInbox
from messaging.relay import Publish
from messaging.testing import TOPIC, Counted, QuietWatch, drain, envelope, running, until

NAMESPACE = UUID(int=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    number: int


CODEC: Codec[Any] = Codec({Ticked: "Ticked.v1", Kept: "Kept.v1"})
QUICK = Terms(
    batch=10,
    first_delay=timedelta(milliseconds=10),
    longest_delay=timedelta(milliseconds=20),
    lease=timedelta(milliseconds=300),
)


class RecordingBus(MemoryBus):
    """The memory bus, and everything that was ever published to it, in order; it may refuse or die on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Envelope] = []
        self.troubles: list[Callable[[], None]] = []

    @override
    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        if self.troubles:
            self.troubles.pop(0)()
        await super().publish(topic, envelopes)
        self.published += envelopes

    @property
    def numbers(self) -> list[int]:
        return [int(each.data.decode().strip('{"number:}')) for each in self.published]


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database") if request.param == "postgres" else None


@pytest.fixture
async def store_and_inbox(url: str | None, opened: AsyncExitStack) -> tuple[EventStore, Inbox]:
    if url is None:
        return MemoryEventStore(), MemoryInbox()
    pool = await opened.enter_async_context(asyncpg.create_pool(url, min_size=1))
    store, inbox = await PostgresEventStore.open(pool), await PostgresInbox.open(pool)
    opened.push_async_callback(store.close)
    opened.push_async_callback(inbox.close)
    return store, inbox


@pytest.fixture
def store(store_and_inbox: tuple[EventStore, Inbox]) -> EventStore:
    return store_and_inbox[0]


@pytest.fixture
def inbox(store_and_inbox: tuple[EventStore, Inbox]) -> Inbox:
    return store_and_inbox[1]


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def tick(store: EventStore, *numbers: int, kind: type[Any] = Ticked) -> None:
    for number in numbers:
        stream = StreamName("counter", "north", f"k{number}")
        event = NewEvent(
            uuid5(NAMESPACE, str(number)),
            *CODEC.encode(kind(number=number)),
            encode_metadata(envelope(number).metadata),
        )
        await store.append(stream, [event], expected=-1)


def public(event: object, _: Envelope) -> Counted | None:
    return Counted(event.number) if isinstance(event, Ticked) else None


def relay(
    store: EventStore,
    inbox: Inbox,
    bus: MemoryBus,
    publish: Publish = public,
    watch: QuietWatch | None = None,
) -> Relay:
    return Relay(
        service="booking",
        store=store,
        codec=CODEC,
        publish=publish,
        bus=bus,
        topic=TOPIC,
        inbox=inbox,
        watch=watch or QuietWatch(),
        terms=QUICK,
    )


async def test_a_public_event_carries_what_its_private_event_is_known_by(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, 1)
    await drain(relay(store, inbox, bus))
    (sent,) = bus.published
    (page,) = [page async for page in store.read_all()]
    assert sent == Envelope(
        id=uuid5(NAMESPACE, "1"),
        source="booking",
        type="Counted.v1",
        key="counter-north.k1",
        position=str(page.events[0].cursor),
        data=b'{"number":1}',
        metadata=envelope(1).metadata,
    )


async def test_everything_is_published_in_the_order_of_the_store(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, *range(1, 36))
    await drain(relay(store, inbox, bus))
    assert bus.numbers == list(range(1, 36))
    positions = [each.position for each in bus.published]
    assert positions == sorted(positions)


async def test_a_watch_hears_once_of_every_stored_event_private_ones_too(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    watch = QuietWatch()
    await tick(store, 1, 2)
    await tick(store, 3, kind=Kept)
    await drain(relay(store, inbox, bus, watch=watch))
    await drain(relay(store, inbox, bus, watch=watch))
    assert watch.stored == ["Ticked.v1", "Ticked.v1", "Kept.v1"]


async def test_private_events_stay_private_and_hold_nothing_up(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, 1)
    await tick(store, 2, kind=Kept)
    await tick(store, 3)
    await drain(relay(store, inbox, bus))
    assert bus.numbers == [1, 3]


async def test_several_public_events_of_one_fact_keep_apart(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, 1, 2)

    def twice(event: Any, _: Envelope) -> Sequence[Counted]:
        return [Counted(event.number), Counted(event.number + 100)]

    await drain(relay(store, inbox, bus, twice))
    assert bus.numbers == [1, 101, 2, 102]
    positions = [each.position for each in bus.published]
    assert positions == sorted(set(positions))
    assert len({each.id for each in bus.published}) == 4


async def test_a_restarted_relay_goes_on_behind_its_checkpoint(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, *range(1, 6))
    await drain(relay(store, inbox, bus))
    await tick(store, *range(6, 11))
    await drain(relay(store, inbox, bus))
    assert bus.numbers == list(range(1, 11))


async def test_events_are_relayed_while_they_come(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    async with running(relay(store, inbox, bus)):
        for number in range(1, 4):
            await tick(store, number)
            await until(lambda number=number: len(bus.published) == number)


async def test_a_relay_killed_between_acknowledgement_and_checkpoint_publishes_again_in_order(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, *range(1, 26))
    dying = DyingAfterPublish(bus)
    async with running(relay(store, inbox, dying)):
        await dying.dead.wait()
    assert bus.numbers == list(range(1, 11))
    await drain(relay(store, inbox, bus))
    assert bus.numbers == [*range(1, 11), *range(1, 26)]


class DyingAfterPublish(MemoryBus):
    """Has published, but its caller never hears of it."""

    def __init__(self, bus: RecordingBus) -> None:
        super().__init__()
        self._bus = bus
        self.dead = asyncio.Event()

    @override
    async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
        await self._bus.publish(topic, envelopes)
        self.dead.set()
        await asyncio.Event().wait()


async def test_an_unreachable_bus_loses_nothing(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    def refuse() -> None:
        raise MessagingUnavailable

    watch = QuietWatch()
    bus.troubles = [refuse, refuse]
    await tick(store, *range(1, 26))
    await drain(relay(store, inbox, bus, watch=watch))
    assert bus.numbers == list(range(1, 26))
    assert watch.stalls == ["MessagingUnavailable"] * 2


async def test_trouble_leaves_no_subscription_behind(inbox: Inbox, bus: RecordingBus) -> None:
    store, watch = Followed(), Looking()
    watch.look = lambda: store.followers

    def refuse() -> None:
        raise MessagingUnavailable

    bus.troubles = [refuse]
    await tick(store, 1)
    await drain(relay(store, inbox, bus, watch=watch))
    assert watch.seen == [0]


class Followed(MemoryEventStore):
    """Counts its subscriptions."""

    followers = 0

    @override
    async def subscribe(self, **options: Any) -> AsyncIterator[Page]:
        self.followers += 1
        try:
            async for page in super().subscribe(**options):
                yield page
        finally:
            self.followers -= 1


class Looking(QuietWatch):
    """Looks at something in the moment of a trouble."""

    look: Callable[[], int]

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    @override
    def stalled(self, flow: Flow, error: BaseException) -> None:
        self.seen.append(self.look())


async def test_a_publishing_bug_halts_the_relay_and_nothing_is_left_out(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    mended, watch = False, QuietWatch()

    def publish(event: Any, private: Envelope) -> Counted | None:
        if event.number == 7 and not mended:
            raise ArithmeticError
        return public(event, private)

    await tick(store, *range(1, 11))
    async with running(relay(store, inbox, bus, publish, watch)):
        await until(lambda: len(watch.stalls) >= 2)
        assert bus.published == []
        mended = True
        await until(lambda: bus.numbers == list(range(1, 11)))


async def test_two_relays_publish_as_one(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    async with running(relay(store, inbox, bus), relay(store, inbox, bus)):
        await tick(store, *range(1, 31))
        await until(lambda: len(bus.published) >= 30)
    assert bus.numbers == list(range(1, 31))


async def test_a_relay_that_lost_its_lease_cannot_move_the_checkpoint(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    """A stalled relay wakes after its successor has gone on: it may publish again, but not set the place back."""
    watch = QuietWatch()
    stalled, wake = asyncio.Event(), asyncio.Event()

    class Stalling(MemoryBus):
        @override
        async def publish(self, topic: TopicLike, envelopes: Sequence[Envelope]) -> None:
            stalled.set()
            await asyncio.shield(wake.wait())
            await bus.publish(topic, envelopes)

    await tick(store, *range(1, 6))
    old = relay(store, Unrenewed(inbox), Stalling(), watch=watch)
    async with running(old):
        await stalled.wait()
        async with running(relay(store, inbox, bus)):
            await until(lambda: bus.numbers == list(range(1, 6)))
            await tick(store, *range(6, 9))
            await until(lambda: bus.numbers == list(range(1, 9)))
            place = await inbox.positions()
            wake.set()
            await until(lambda: "Fenced" in watch.stalls)
            assert await inbox.positions() == place
    assert bus.numbers == [*range(1, 9), *range(1, 6)]


class Unrenewed:
    """An inbox whose process is too slow to renew its lease."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def __getattr__(self, name: str) -> Any:  # Any: whatever the inbox has
        return getattr(self._inbox, name)

    async def renew(self, *_: object) -> None:
        await asyncio.sleep(0)


async def test_a_position_is_readable_as_a_cursor(
    store: EventStore, inbox: Inbox, bus: RecordingBus
) -> None:
    await tick(store, 1)
    await drain(relay(store, inbox, bus))
    assert str(Cursor.parse(bus.published[0].position)) == bus.published[0].position

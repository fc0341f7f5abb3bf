"""Events over Apache Kafka, beside what its plain client does with the same bytes."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from typing_extensions import override

from bench.harness import Bench, Group, Reach, Result, alternate, middle
from bench.samples import (
    METADATA,
    NOON,
    VISIT_CODEC,
    VISITS,
    Visit,
    Visited,
    a_context,
    a_visit,
    an_id,
    seed,
)
from contracts.fact import PublicEvent
from embedded.kafka import running_kafka
from event_store import CommandHandler
from event_store.postgres import PostgresEventStore, open_pool
from messaging import (
    Bus,
    Cause,
    Dispatch,
    Envelope,
    Flow,
    Relay,
    Runnable,
    Topic,
    batch_consumer,
    bus_consumer,
    partition_of,
    to_headers,
)
from messaging.kafka import KafkaAddress, KafkaBus
from messaging.postgres import PostgresInbox
from messaging.testing import QuietWatch

PARTITIONS: Final = 4
BATCH: Final = 500
WITHIN_MS: Final = 15.0
POISON: Final = "visit-north.7"

_numbers: Final = itertools.count(1)
_EFFECT: Final = "CREATE TABLE effect (id uuid PRIMARY KEY, key text NOT NULL, data bytea NOT NULL)"
_INSERT: Final = "INSERT INTO effect SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])"


class VisitPosted(PublicEvent):
    patient: UUID
    clinician: UUID
    at: datetime
    number: int
    room: str
    note: str


class Clock:
    def now(self) -> datetime:
        return NOON


class Counting(QuietWatch):
    """Knows when so many events were handled."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self._wanted, self.done = wanted, asyncio.Event()

    @override
    def handled(self, flow: Flow, count: int) -> None:
        self._wanted -= count
        if self._wanted <= 0:
            self.done.set()


@dataclass
class Other:
    """The application of another service: one aggregate, and a sign when its command is done."""

    visits: "Telling"


@dataclass
class Telling:
    inner: CommandHandler[Any, Any, Any]
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, *command: Any, **options: Any) -> Any:
        handled = await self.inner.handle(*command, **options)
        self.done.set()
        return handled


def posted(event: Visited, _: Envelope) -> VisitPosted:
    return VisitPosted(
        patient=event.patient,
        clinician=event.clinician,
        at=event.at,
        number=event.number,
        room=event.room,
        note=event.note,
    )


def visit_again(event: VisitPosted, _: Cause) -> list[Dispatch]:
    command = Visit(patient=event.patient, clinician=event.clinician, at=event.at)
    return [Dispatch(to="visits", key=f"north.{event.patient}", command=command)]


def a_topic() -> Topic:
    return Topic(f"bench{next(_numbers)}.events", PARTITIONS)


@asynccontextmanager
async def a_broker() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="kabinet-bench-kafka-") as folder:
        async with running_kafka(Path(folder)) as server:
            yield server.address


@asynccontextmanager
async def a_bus(address: str) -> AsyncIterator[KafkaBus]:
    async with KafkaBus.open(KafkaAddress.parse(f"kafka://{address}"), client="bench") as bus:
        yield bus


async def seconds_until(done: Callable[[], Awaitable[object]], *running: Runnable) -> float:
    """How long these ran until it was done."""
    begun = time.perf_counter()
    tasks = [asyncio.create_task(each.run()) for each in running]
    try:
        async with asyncio.timeout(120):
            await done()
        return time.perf_counter() - begun
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def some_envelopes(count: int, *, keys: int) -> list[Envelope]:
    data = posted(SAMPLE, an_envelope(0, keys)).model_dump_json().encode()
    return [an_envelope(number, keys, data) for number in range(count)]


def an_envelope(number: int, keys: int, data: bytes = b"") -> Envelope:
    return Envelope(
        id=an_id(),
        source="bench",
        type=VisitPosted.type_name(),
        key=f"visit-north.{number % keys}",
        position=f"{number + 1:032x}",
        data=data,
        metadata=METADATA,
    )


SAMPLE: Final = Visited(
    patient=UUID(int=1),
    clinician=UUID(int=2),
    at=NOON,
    number=0,
    room="consultation room 12",
    note="n" * 120,
)


async def relay(bench: Bench) -> AsyncIterator[Result]:
    events = bench.size(50_000, 5_000)
    async with AsyncExitStack() as opened:
        address = await opened.enter_async_context(a_broker())
        bus = await opened.enter_async_context(a_bus(address))
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database))
        store = await PostgresEventStore.open(pool)
        opened.push_async_callback(store.close)
        inbox = await PostgresInbox.open(pool)
        opened.push_async_callback(inbox.close)
        await seed(pool, events, per_stream=10)

        async def relayed() -> float:
            topic, watch = a_topic(), Counting(events)
            await bus.ends(topic)  # it is there
            own = Relay(
                service=topic.name.removesuffix(".events"),
                store=store,
                codec=VISIT_CODEC,
                publish=posted,
                bus=bus,
                topic=topic,
                inbox=inbox,
                watch=watch,
            )
            seconds = await seconds_until(watch.done.wait, own)
            await _expect(bus, topic, events)
            return events / seconds

        async def sent() -> float:
            topic = a_topic()
            await bus.ends(topic)
            same = [_record(each) for each in some_envelopes(events, keys=events // 10)]
            producer = await _producer(address)
            begun = time.perf_counter()
            for record in same:
                await producer.send(topic.name, **record)
            await producer.flush()
            seconds = time.perf_counter() - begun
            await producer.stop()
            await _expect(bus, topic, events)
            return events / seconds

        value, floor = await alternate(bench.rounds, relayed, sent)
    yield Reach("at least", 0.7).result(
        "relay, store to topic of Kafka", "events/s", middle(value), middle(floor)
    )


async def consumer(bench: Bench) -> AsyncIterator[Result]:
    events, keys = bench.size(200_000, 5_000), bench.size(10_000, 1_000)
    async with AsyncExitStack() as opened:
        address = await opened.enter_async_context(a_broker())
        bus = await opened.enter_async_context(a_bus(address))
        database = await opened.enter_async_context(bench.database())
        pool = await opened.enter_async_context(await open_pool(database))
        inbox = await PostgresInbox.open(pool)
        opened.push_async_callback(inbox.close)
        await pool.execute(_EFFECT)
        topic = a_topic()
        envelopes = some_envelopes(events, keys=keys)
        for start in range(0, events, 5_000):
            await bus.publish(topic, envelopes[start : start + 5_000])

        def consuming(*, poisoned: bool) -> Callable[[], Awaitable[float]]:
            async def apply(connection: Any, batch: Sequence[Envelope]) -> None:
                if poisoned and any(each.key == POISON for each in batch):
                    raise ValueError(POISON)
                rows = [(each.id, each.key, each.data) for each in batch]
                await connection.execute(_INSERT, *map(list, zip(*rows, strict=True)))

            async def consumed() -> float:
                await pool.execute("TRUNCATE effect")
                wanted = events - (events // keys if poisoned else 0)
                own = batch_consumer(
                    name=f"effect{next(_numbers)}",
                    topic=topic,
                    types={VisitPosted.type_name()},
                    apply=apply,
                    bus=bus,
                    inbox=inbox,
                    watch=QuietWatch(),
                )
                return events / await seconds_until(lambda: _rows(pool, wanted), own)

            return consumed

        async def plain() -> float:
            await pool.execute("TRUNCATE effect")
            places = [TopicPartition(topic.name, index) for index in range(PARTITIONS)]
            reader: Any = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
            await reader.start()
            begun = time.perf_counter()
            reader.assign(places)
            await reader.seek_to_beginning(*places)
            left = events
            while left:
                found = await reader.getmany(timeout_ms=1000, max_records=BATCH)
                for records in found.values():
                    rows = [(an_id(), each.key.decode(), each.value) for each in records]
                    await pool.execute(_INSERT, *map(list, zip(*rows, strict=True)))
                    left -= len(records)
            seconds = time.perf_counter() - begun
            await reader.stop()
            return events / seconds

        clean, poisoned, floor = await alternate(
            bench.rounds, consuming(poisoned=False), consuming(poisoned=True), plain
        )
    yield Reach("at least", 0.35).result(
        "consumer of Kafka with inbox and a row per event",
        "events/s",
        middle(clean),
        middle(floor),
    )
    yield Reach("at least", 0.9).result(
        f"the same with {keys:,} keys, one of them poisoned",
        "events/s",
        middle(poisoned),
        middle(clean),
    )


async def effect(bench: Bench) -> AsyncIterator[Result]:
    tries = bench.size(100, 20)
    async with AsyncExitStack() as opened:
        address = await opened.enter_async_context(a_broker())
        bus = await opened.enter_async_context(a_bus(address))
        ours, theirs = [await _service(bench, opened) for _ in range(2)]
        topic, plain_topic = a_topic(), a_topic()
        await bus.ends(plain_topic)
        telling = Telling(CommandHandler(theirs.store, VISITS, VISIT_CODEC, "visit"))
        own = Relay(
            service="bench",
            store=ours.store,
            codec=VISIT_CODEC,
            publish=posted,
            bus=bus,
            topic=topic,
            inbox=ours.inbox,
        )
        other = bus_consumer(
            service="other",
            topic=topic,
            handlers={VisitPosted: visit_again},
            app=Other(telling),
            bus=bus,
            inbox=theirs.inbox,
            clock=Clock(),
        )
        handler = CommandHandler(ours.store, VISITS, VISIT_CODEC, "visit")
        producer = await _producer(address)
        opened.push_async_callback(producer.stop)
        reader: Any = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
        await reader.start()
        opened.push_async_callback(reader.stop)
        reader.assign([TopicPartition(plain_topic.name, 0)])

        async def followed() -> float:
            times = []
            for _ in range(tries):
                telling.done.clear()
                await handler.handle(a_visit(), key=f"north.{an_id()}", context=a_context())
                accepted = time.perf_counter()
                await telling.done.wait()
                times.append(time.perf_counter() - accepted)
            return middle(times) * 1000

        async def round_trip() -> float:
            times = []
            record = {**_record(an_envelope(1, 1, b"x" * 300)), "partition": 0}
            for _ in range(tries):
                begun = time.perf_counter()
                await producer.send_and_wait(plain_topic.name, **record)
                await reader.getone()
                times.append(time.perf_counter() - begun)
            return middle(times) * 1000

        working = [asyncio.create_task(each.run()) for each in (own, other)]
        try:
            value, floor = map(middle, await alternate(bench.rounds, followed, round_trip))
        finally:
            for task in working:
                task.cancel()
            await asyncio.wait(working)
    yield Result(
        work="command accepted to effect in another service over Kafka, p50",
        value=round(value, 3),
        unit="ms",
        floor=round(floor, 3),
        ratio=round(value / floor, 3),
        reach=f"at most {WITHIN_MS:g} ms more",
        holds=value <= floor + WITHIN_MS,
    )


@dataclass(frozen=True)
class _Service:
    store: PostgresEventStore
    inbox: PostgresInbox


async def _service(bench: Bench, opened: AsyncExitStack) -> _Service:
    database = await opened.enter_async_context(bench.database())
    pool = await opened.enter_async_context(await open_pool(database))
    store = await PostgresEventStore.open(pool)
    opened.push_async_callback(store.close)
    inbox = await PostgresInbox.open(pool)
    opened.push_async_callback(inbox.close)
    return _Service(store, inbox)


async def _producer(address: str) -> Any:
    """As anybody would set it up who wants nothing lost and nothing twice."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", enable_idempotence=True)
    await producer.start()
    return producer


def _record(envelope: Envelope) -> dict[str, Any]:
    return {
        "key": envelope.key.encode(),
        "value": envelope.data,
        "headers": [(name, value.encode()) for name, value in to_headers(envelope).items()],
        "partition": partition_of(envelope.key, PARTITIONS),
    }


async def _rows(pool: "asyncpg.Pool[asyncpg.Record]", wanted: int) -> None:
    while await pool.fetchval("SELECT count(*) FROM effect") < wanted:  # noqa: ASYNC110 - a table tells nobody
        await asyncio.sleep(0.02)


async def _expect(bus: Bus, topic: Topic, events: int) -> None:
    found = sum(end + 1 for end in await bus.ends(topic))
    if found != events:
        raise AssertionError(f"{found} instead of {events}")


MEASUREMENTS: Final[Group] = {
    "kafka-relay": relay,
    "kafka-consumer": consumer,
    "kafka-effect": effect,
}

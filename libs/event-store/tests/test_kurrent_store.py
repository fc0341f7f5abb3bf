"""The adapter: the shared suite and more against a server that is there or the instrument, and what only the instrument
can do.

`KURRENTDB_URI=kurrentdb://...` runs the first part, unchanged, against that server. The part under "Faults" breaks the
server on purpose and needs the instrument.
"""

import asyncio
import datetime as dt
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import kurrentdbclient as kurrent
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kurrentdbclient import exceptions

from decider import Decider
from event_store import (
    NO_STREAM,
    START,
    AppendConflict,
    Codec,
    CommandContext,
    CommandHandler,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    Metadata,
    NewEvent,
    Page,
    RecordedEvent,
    StoreUnavailable,
    StreamDeleted,
)
from event_store.kurrent import KurrentEventStore
from event_store.kurrent.ids import StreamIds
from event_store.kurrent.names import marked, unmarked
from event_store.opening import open_store as open_store_of
from event_store.postgres import PostgresEventStore, open_pool
from event_store.store import EventStore
from event_store.testing import (
    EventStoreConformance,
    OpenStore,
    closing,
    event,
    history,
    noted,
    read_back,
    stream,
    take,
    texts,
)
from event_store.testing.kurrent_fixtures import kurrent_uri, real_uri
from event_store.testing.kurrent_server import KurrentInstrument, Tls, running_instrument


@dataclass(frozen=True)
class Said:
    text: str


__all__ = ["kurrent_uri", "real_uri"]  # fixtures

Open = Callable[..., Awaitable[KurrentEventStore]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens stores that are closed after the test."""
    async with AsyncExitStack() as stores:

        async def open_one(url: str, service: str = "surgery", **terms: float) -> KurrentEventStore:
            store = await KurrentEventStore.open(url, service=service, **terms)
            stores.push_async_callback(store.close)
            return store

        yield open_one


@pytest.fixture
def service() -> str:
    """A part of the server that is empty."""
    return f"test-{token_hex(6)}"


@pytest.fixture
async def store(kurrent_uri: str, service: str, opened: Open) -> KurrentEventStore:
    return await opened(kurrent_uri, service)


@pytest.fixture
async def client(kurrent_uri: str) -> AsyncIterator[kurrent.AsyncKurrentDBClient]:
    """An operator with the vendor's own tool."""
    async with kurrent.AsyncKurrentDBClient(kurrent_uri) as connected:
        yield connected


class TestKurrentEventStore(EventStoreConformance):
    @pytest.fixture
    def open_store(self, kurrent_uri: str, service: str, opened: Open) -> OpenStore:
        async def open_one() -> EventStore:
            return await opened(kurrent_uri, service)

        return open_one


# What KurrentDB is asked for, on any server


async def test_services_that_share_a_cluster_see_nothing_of_each_other(
    kurrent_uri: str, service: str, opened: Open
) -> None:
    ours, theirs = await opened(kurrent_uri, service), await opened(kurrent_uri, f"{service}-too")
    first = await noted(ours, stream("a"), "ours")
    await noted(theirs, stream("a"), "theirs", "theirs")
    assert texts(await read_back(ours)) == ["ours"]
    assert texts(await history(theirs, stream("a"))) == ["theirs", "theirs"]
    assert await ours.position() == await ours.horizon() == first.cursor < await theirs.position()
    async with closing(ours.subscribe(after=first.cursor)) as pages:
        assert (await anext(pages)).caught_up
        await noted(theirs, stream("b"), "theirs")
        second = await noted(ours, stream("b"), "ours again")
        assert texts((await take(pages, second.cursor))[0]) == ["ours again"]


async def test_a_category_is_not_mistaken_for_a_longer_one(store: KurrentEventStore) -> None:
    await noted(store, stream("a", "patient", "standing-north"), "patient")
    await noted(store, stream("a", "patient-standing", "north"), "standing")
    for category, wanted in (("patient", "patient"), ("patient-standing", "standing")):
        where = EventFilter(categories=frozenset({category}))
        assert texts(await read_back(store, where=where)) == [wanted]
    with pytest.raises(ValueError, match="colon"):
        await noted(store, stream("a", "patient:standing"), "x")


async def test_the_vendor_s_tools_see_the_ids_types_and_bytes_that_were_sent(
    store: KurrentEventStore, client: kurrent.AsyncKurrentDBClient, service: str
) -> None:
    sent = [
        NewEvent(UUID(int=71), "Noted.v1", b'{"text":"one"}', b'{"tenant":"north"}'),
        NewEvent(UUID(int=72), "Noted.v1", b"\x00", b"{}"),
    ]
    await store.append(stream("a"), sent, expected=NO_STREAM)
    seen = await client.get_stream(f"{service}.note:north.a")
    assert [(e.id, e.type, e.data) for e in seen] == [(e.id, e.type, e.data) for e in sent]
    assert [e.content_type for e in seen] == ["application/json", "application/octet-stream"]
    assert seen[0].metadata == sent[0].metadata
    assert [e.metadata for e in await history(store, stream("a"))] == [e.metadata for e in sent]


async def test_the_server_s_own_idempotency_is_the_one_that_the_adapter_counts_on(
    client: kurrent.AsyncKurrentDBClient, service: str
) -> None:
    """What the adapter makes up for stands in the lines that say "twice" and "wrong"."""

    async def sent(at: int | kurrent.StreamState, *numbers: int) -> int:
        batch = [
            kurrent.NewEvent(id=UUID(int=number), type="Noted.v1", data=b"{}") for number in numbers
        ]
        return await client.append_to_stream(name, events=batch, current_version=at)

    name, none = f"{service}.note:north.a", kurrent.StreamState.NO_STREAM
    first = await sent(none, 1, 2)
    second = await sent(1, 3)
    assert second > first
    assert await sent(none, 1, 2) == first  # explicit, all equal: the first answer
    assert await sent(1, 3) == second
    assert (await sent(none, 1)) < first  # a part from its beginning is a repeat of that part
    for at, numbers in ((none, (9,)), (0, (9,)), (none, (1, 9)), (none, (1, 2, 3, 4))):
        with pytest.raises(exceptions.WrongCurrentVersionError) as wrong:
            await sent(at, *numbers)
        assert wrong.value.actual_version == 2
    with pytest.raises(exceptions.WrongCurrentVersionError) as wrong:
        await client.append_to_stream(
            f"{name}x", events=[kurrent.NewEvent(type="Noted.v1", data=b"{}")], current_version=3
        )
    assert wrong.value.actual_version is none
    await sent(2, 3)  # explicit, current: the same id twice in one stream
    assert [e.id.int for e in await client.get_stream(name)] == [1, 2, 3, 3]


@pytest.mark.parametrize("is_new", [False, True])
async def test_an_id_that_the_stream_has_further_up_is_refused(
    kurrent_uri: str, service: str, opened: Open, store: KurrentEventStore, is_new: bool
) -> None:
    one, two = event(), event()
    await store.append(stream("a"), [one], expected=NO_STREAM)
    await store.append(stream("a"), [two], expected=0)
    again = await opened(kurrent_uri, service) if is_new else store
    for batch in ([one], [event(), two]):
        with pytest.raises(IdempotencyViolation):
            await again.append(stream("a"), batch, expected=1)
    with pytest.raises(IdempotencyViolation):
        await again.append(stream("b"), [three := event(), three], expected=NO_STREAM)
    assert [e.id for e in await history(store, stream("a"))] == [one.id, two.id]


async def test_a_part_of_a_stored_batch_is_a_repeat_and_more_than_it_is_refused(
    store: KurrentEventStore,
) -> None:
    one, two = event(), event()
    whole = await store.append(stream("a"), [one, two], expected=NO_STREAM)
    part = await store.append(stream("a"), [one], expected=NO_STREAM)
    assert (part.revision, part.repeated) == (0, True)
    assert part.cursor < whole.cursor
    for other in ([one, event()], [one, two, event()], [event(), two]):
        with pytest.raises(IdempotencyViolation):
            await store.append(stream("a"), other, expected=NO_STREAM)
    with pytest.raises(AppendConflict):
        await store.append(stream("a"), [event()], expected=NO_STREAM)


async def test_a_command_that_was_accepted_gives_its_first_answer_after_the_stream_went_on(
    kurrent_uri: str, service: str, opened: Open
) -> None:
    """The command loop's promise; without a look at the ids the server would store the events anew."""

    codec: Codec[Said] = Codec({Said: "Said.v1"})
    say: Decider[str, int, Said] = Decider(
        initial=0, decide=lambda text, _: [Said(text)], evolve=lambda count, _: count + 1
    )
    context = CommandContext(
        command_id=UUID(int=5),
        metadata=Metadata(
            tenant="north",
            actor="service:test",
            role="service",
            time=dt.datetime(2026, 3, 2, tzinfo=dt.UTC),
            correlation=UUID(int=6),
        ),
    )
    handler = CommandHandler(await opened(kurrent_uri, service), say, codec, "talk")
    first = await handler.handle("one", key="k", context=context)
    await handler.handle(
        "two",
        key="k",
        context=CommandContext(command_id=UUID(int=7), metadata=context.metadata),
    )
    anew = CommandHandler(await opened(kurrent_uri, service), say, codec, "talk")
    for each in (handler, anew):
        again = await each.handle("other words", key="k", context=context)
        assert (list(again.events), again.revision) == (list(first.events), 0)
    assert (await anew.load(tenant="north", key="k")) == (2, 1)


async def test_a_softly_deleted_stream_is_neither_empty_nor_writable(
    kurrent_uri: str,
    service: str,
    opened: Open,
    store: KurrentEventStore,
    client: kurrent.AsyncKurrentDBClient,
) -> None:
    """The server would let it begin anew: a payment that was captured could be captured again."""
    await noted(store, stream("a"), "one", "two")
    name = f"{service}.note:north.a"
    await client.delete_stream(name, current_version=1)
    for each in (store, await opened(kurrent_uri, service)):
        with pytest.raises(StreamDeleted) as deleted:
            await history(each, stream("a"))
        assert deleted.value.stream == stream("a")
    fresh = await opened(kurrent_uri, service)
    with pytest.raises(StreamDeleted):
        await noted(fresh, stream("a"), "anew")
    with pytest.raises(exceptions.NotFoundError):
        await client.get_stream(name)  # nothing was written
    # somebody else writes on; what is left is not the stream that was decided on
    await client.append_to_stream(
        name,
        events=[kurrent.NewEvent(type="Noted.v1", data=b"{}")],
        current_version=kurrent.StreamState.NO_STREAM,
    )
    with pytest.raises(StreamDeleted):
        await history(fresh, stream("a"))


async def test_a_tombstoned_stream_is_refused(
    service: str, store: KurrentEventStore, client: kurrent.AsyncKurrentDBClient
) -> None:
    await noted(store, stream("a"), "one")
    await client.tombstone_stream(f"{service}.note:north.a", current_version=0)
    with pytest.raises(StreamDeleted):
        await history(store, stream("a"))
    with pytest.raises(StreamDeleted):
        await noted(store, stream("a"), "two", expected=0)


async def test_events_of_a_stream_with_an_age_are_forgotten_after_it(
    store: KurrentEventStore, service: str, client: kurrent.AsyncKurrentDBClient
) -> None:
    await noted(store, stream("a"), "one")
    await noted(store, stream("b"), "kept")
    await store.keep_for(stream("a"), timedelta(seconds=1))
    metadata, _ = await client.get_stream_metadata(f"{service}.note:north.a")
    assert metadata == {"$maxAge": 1}
    assert texts(await history(store, stream("a"))) == ["one"]
    await asyncio.sleep(1.1)
    await noted(store, stream("a"), "two", expected=0)
    assert texts(await history(store, stream("a"))) == ["two"]
    assert texts(await history(store, stream("b"))) == ["kept"]


async def test_many_appends_go_side_by_side(store: KurrentEventStore) -> None:
    answers = await asyncio.gather(
        *(noted(store, stream(str(index)), "a", "b") for index in range(300))
    )
    assert len({answer.cursor for answer in answers}) == 300
    assert len(await read_back(store)) == 600


async def test_a_narrow_subscription_moves_past_what_the_server_keeps_from_it(
    store: KurrentEventStore,
) -> None:
    async def hide(number: int) -> Cursor:
        return (await noted(store, stream(str(number), "letter"), *["hidden"] * 1100)).cursor

    await noted(store, stream("a"), "shown")
    hidden = await hide(1)
    where = EventFilter(categories=frozenset({"note"}))
    async with closing(store.subscribe(where=where)) as pages:
        seen, reached = await take(pages, hidden)
        assert texts(seen) == ["shown"]
        hidden = await hide(2)
        async with asyncio.timeout(10):
            page = await anext(pages)
        assert not page.events
        assert reached < page.cursor <= hidden  # by a checkpoint message
        appended = await noted(store, stream("b"), "shown too")
        assert texts((await take(pages, appended.cursor))[0]) == ["shown too"]
    # what such a page says is a place to begin from, and passes nothing over
    async with closing(store.subscribe(after=page.cursor, where=where)) as pages:
        assert texts((await take(pages, appended.cursor))[0]) == ["shown too"]


@pytest.mark.integration
async def test_the_store_is_the_one_that_the_url_names(
    kurrent_uri: str, service: str, database: str
) -> None:
    async with await open_pool(database) as pool:
        async with open_store_of(None, service=service, pool=pool) as store:
            assert isinstance(store, PostgresEventStore)
            await noted(store, stream("a"), "one")
        async with open_store_of(kurrent_uri, service=service, pool=pool) as store:
            assert isinstance(store, KurrentEventStore)
            assert await history(store, stream("a")) == []
        with pytest.raises(StoreUnavailable):
            await store.position()
        with pytest.raises(ValueError, match="begins with"):
            async with open_store_of("mongodb://a", service=service, pool=pool):
                pass


def test_settings_that_would_harm_are_refused() -> None:
    with pytest.raises(ValueError, match="leader"):
        KurrentEventStore("kurrentdb://a:1?tls=false&nodePreference=follower", service="surgery")
    for name in ("", "Booking", "a.b", "a:b"):
        with pytest.raises(ValueError, match="service"):
            KurrentEventStore("kurrentdb://a:1?tls=false", service=name)


@pytest.mark.parametrize("metadata", [b"{}", b'{"a":1}', b'{"$attempt":"x"}'])
def test_the_mark_of_an_attempt_leaves_no_trace(metadata: bytes) -> None:
    assert unmarked(metadata) == metadata
    assert unmarked(marked(metadata, "0" * 32)) == metadata
    assert unmarked(marked(marked(metadata, "0" * 32), "1" * 32)) == marked(metadata, "0" * 32)


def test_metadata_is_an_object() -> None:
    for other in (b"", b"[]", b"{} "):
        with pytest.raises(ValueError, match="object"):
            marked(other, "0" * 32)


def test_ids_are_remembered_for_the_streams_used_last() -> None:
    ids = StreamIds(most=10)
    for number in range(4):
        name = stream(str(number))
        ids.learn(name, NO_STREAM, [(0, UUID(int=number)), (1, UUID(int=100 + number))], upto=1)
    assert [ids.known(stream(str(number))) for number in range(4)] == [None, 1, 1, 1]
    assert ids.clash(stream("3"), [UUID(int=103)], 1)
    assert not ids.clash(stream("3"), [UUID(int=103)], 0)
    ids.learn(stream("3"), 5, [(6, UUID(int=9))], upto=6)  # a gap: not kept
    assert ids.known(stream("3")) == 1


# Faults: only the instrument fails on request


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 - the instrument has no events for what it counts
        await asyncio.sleep(0.005)


@pytest.fixture
async def instrument() -> AsyncIterator[KurrentInstrument]:
    async with running_instrument() as running:
        yield running


@pytest.fixture
async def cluster() -> AsyncIterator[KurrentInstrument]:
    async with running_instrument(3) as running:
        yield running


async def test_an_append_whose_answer_was_lost_is_stored_once_and_is_no_repeat(
    instrument: KurrentInstrument, opened: Open
) -> None:
    store = await opened(instrument.uri)
    instrument.faults.lost_answers = 1
    answer = await noted(store, stream("a"), "one", "two")
    assert (answer.revision, answer.repeated) == (1, False)
    assert instrument.calls["BatchAppend"] == 2
    assert texts(await history(store, stream("a"))) == ["one", "two"]


@pytest.mark.parametrize("fault", ["refused_calls", "lost_answers", "not_ready"])
async def test_an_append_that_meets_a_hiccup_goes_through(
    instrument: KurrentInstrument, opened: Open, fault: str
) -> None:
    store = await opened(instrument.uri)
    setattr(instrument.faults, fault, 2)
    assert (await noted(store, stream("a"), "one")).revision == 0
    assert texts(await history(store, stream("a"))) == ["one"]


async def test_a_store_that_stays_away_is_unavailable_and_the_same_batch_goes_through_later(
    instrument: KurrentInstrument, opened: Open
) -> None:
    store = await opened(instrument.uri)
    batch = [event()]
    instrument.faults.not_ready = 100
    with pytest.raises(StoreUnavailable):
        await store.append(stream("a"), batch, expected=NO_STREAM)
    instrument.faults.not_ready = 0
    assert (await store.append(stream("a"), batch, expected=NO_STREAM)).revision == 0
    await instrument.stop(0)
    for ask in (store.position(), noted(store, stream("b"), "x")):
        with pytest.raises(StoreUnavailable):
            await ask
    await instrument.start(0)
    assert (await noted(store, stream("b"), "x")).revision == 0


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with running_instrument() as gone:
        uri = gone.uri
    with pytest.raises(StoreUnavailable):
        await KurrentEventStore.open(uri, service="surgery")


async def test_an_append_that_the_server_holds_back_holds_nobody_else(
    instrument: KurrentInstrument, opened: Open
) -> None:
    store = await opened(instrument.uri)
    instrument.faults.held = {"surgery.note:north.slow"}
    slow = asyncio.create_task(noted(store, stream("slow"), "slow"))
    async with asyncio.timeout(4):
        await until(lambda: instrument.most_at_once > 0)
        await asyncio.gather(*(noted(store, stream(str(index)), "x") for index in range(50)))
    assert not slow.done()
    instrument.faults.release.set()
    assert (await slow).revision == 0


async def test_no_more_calls_are_out_than_the_server_takes_on_a_connection(
    instrument: KurrentInstrument, opened: Open
) -> None:
    store = await opened(instrument.uri)
    instrument.faults.held = {f"surgery.note:north.{index}" for index in range(150)}
    waiting = [asyncio.create_task(noted(store, stream(str(index)), "x")) for index in range(150)]
    async with asyncio.timeout(4):
        await until(lambda: instrument.most_at_once >= 90)
        # subscriptions have a connection of their own: 90 and 20 would be too much for one
        async with AsyncExitStack() as following:
            feeds = [
                await following.enter_async_context(closing(store.subscribe())) for _ in range(20)
            ]
            for pages in feeds:
                assert (await anext(pages)).caught_up
            assert not any(task.done() for task in waiting)
            instrument.faults.release.set()
            await asyncio.gather(*waiting)
            end = max(task.result().cursor for task in waiting)
            assert len((await take(feeds[0], end))[0]) == 150
    assert instrument.most_at_once == 90


async def _written_meanwhile(
    store: EventStore, disturb: Callable[[int], Awaitable[None]], rounds: int
) -> None:
    """A subscription beside appends and disturbances: nothing lost, nothing twice, in order."""
    seen: list[RecordedEvent] = []

    async def follow() -> None:
        async with closing(store.subscribe(page_size=7)) as pages:
            async for page in pages:
                seen.extend(page.events)

    follower = asyncio.create_task(follow())
    for number in range(rounds):
        await noted(store, stream(f"{number}"), *["x"] * 5)
        await disturb(number)
    async with asyncio.timeout(20):
        await until(lambda: len(seen) >= rounds * 5)
    follower.cancel()
    await asyncio.wait((follower,))
    stored = await read_back(store)
    assert [e.id for e in seen] == [e.id for e in stored]


async def test_a_subscription_that_the_server_ends_goes_on_behind_what_it_had(
    instrument: KurrentInstrument, opened: Open
) -> None:
    async def disturb(number: int) -> None:
        if number % 3 == 2:
            instrument.cut()
        await asyncio.sleep(0.02)

    await _written_meanwhile(await opened(instrument.uri), disturb, 12)


async def test_a_subscription_survives_a_restart_of_the_server(
    instrument: KurrentInstrument, opened: Open
) -> None:
    async def disturb(number: int) -> None:
        if number == 2:
            await instrument.stop(0)
            await asyncio.sleep(0.3)
            await instrument.start(0)

    await _written_meanwhile(await opened(instrument.uri), disturb, 5)


async def test_appends_and_subscriptions_follow_the_leader(
    cluster: KurrentInstrument, opened: Open
) -> None:
    async def disturb(number: int) -> None:
        if number == 1:
            cluster.elect(1)
        if number == 3:
            await cluster.stop(1)
            cluster.elect(2)

    await _written_meanwhile(await opened(cluster.uri), disturb, 6)


async def test_reads_follow_the_leader(cluster: KurrentInstrument, opened: Open) -> None:
    store = await opened(cluster.uri)
    appended = await noted(store, stream("a"), "one")
    for leader in (1, 2, 0):
        cluster.elect(leader)
        assert await store.position() == appended.cursor
        cluster.elect((leader + 1) % 3)
        assert texts(await history(store, stream("a"))) == ["one"]
        cluster.elect(leader)
        assert texts(await read_back(store)) == ["one"]


async def test_a_cluster_without_a_leader_is_waited_for(
    cluster: KurrentInstrument, opened: Open
) -> None:
    store = await opened(cluster.uri)
    cluster.elect(None)
    waiting = asyncio.create_task(noted(store, stream("a"), "one"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    cluster.elect(2)
    assert (await waiting).revision == 0


async def test_a_subscription_that_has_fallen_silent_is_noticed_and_begun_again(
    instrument: KurrentInstrument, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(instrument.uri, stall_seconds=0.2)
    async with closing(store.subscribe()) as pages:
        assert (await anext(pages)).caught_up
        instrument.mute()
        with caplog.at_level(logging.WARNING, "event_store"):
            appended = await noted(store, stream("a"), "one")
            assert texts((await take(pages, appended.cursor))[0]) == ["one"]
    assert "stalled" in caplog.text


async def test_a_subscription_with_nothing_to_say_is_left_alone(
    instrument: KurrentInstrument, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = (
        await opened(instrument.uri, stall_seconds=0.05),
        await opened(instrument.uri, "other"),
    )
    appended = await noted(store, stream("a"), "one")
    async with closing(store.subscribe(after=appended.cursor)) as pages:
        assert (await anext(pages)).caught_up
        await noted(other, stream("b"), "not ours")
        with caplog.at_level(logging.WARNING, "event_store"), pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pages), 0.4)
    assert caplog.text == ""


async def test_a_server_that_says_no_place_when_caught_up_still_lets_readers_arrive(
    instrument: KurrentInstrument, opened: Open
) -> None:
    instrument.faults.caught_up_has_position = False
    store = await opened(instrument.uri)
    await noted(store, stream("a"), "shown")
    hidden = await noted(store, stream("b", "letter"), "hidden")
    where = EventFilter(categories=frozenset({"note"}))
    async with closing(store.subscribe(where=where)) as pages:
        assert (await take(pages, hidden.cursor))[1] == hidden.cursor


async def test_a_checkpoint_that_is_no_place_of_a_record_is_passed_over(
    instrument: KurrentInstrument, opened: Open
) -> None:
    """Resuming by the commit position of such a one lost an event on KurrentDB 25.0.0 (issue 4970)."""
    store, other = await opened(instrument.uri), await opened(instrument.uri, "other")
    await noted(other, stream("a"), *["theirs"] * 3)
    async with closing(store.subscribe()) as pages:
        page = await anext(pages)
    assert page == Page([], START, caught_up=True)


# TLS and credentials


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "instrument")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=3650))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    file.write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Tls(secret, pem, str(file))


async def test_tls_and_credentials_come_from_the_connection_string(tls: Tls, opened: Open) -> None:
    async with running_instrument(tls=tls, credentials=("surgery", "s3cret")) as running:
        store = await opened(running.uri)
        appended = await noted(store, stream("a"), "one")
        async with closing(store.subscribe()) as pages:
            assert texts((await take(pages, appended.cursor))[0]) == ["one"]
        with pytest.raises(exceptions.UnauthenticatedError):
            await KurrentEventStore.open(running.uri.replace("s3cret", "other"), service="surgery")
        stranger = running.uri.partition("&tlsCaFile")[0]
        with pytest.raises(StoreUnavailable):
            await KurrentEventStore.open(stranger, service="surgery")

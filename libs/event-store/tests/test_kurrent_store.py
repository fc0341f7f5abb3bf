"""The adapter: the shared suite, and what KurrentDB is asked for beyond it.

With `KURRENTDB_URI=kurrentdb://...` all of it runs, unchanged, against that server; without, on the instrument.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from uuid import UUID

import kurrentdbclient as kurrent
import pytest
from kurrentdbclient import exceptions

from decider import Decider
from event_store import (
    NO_STREAM,
    AppendConflict,
    Codec,
    CommandContext,
    CommandHandler,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    Metadata,
    NewEvent,
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
from event_store.testing.kurrent_fixtures import OpenKurrent, kurrent_uri, open_kurrent, real_uri

__all__ = ["kurrent_uri", "open_kurrent", "real_uri"]  # fixtures


@dataclass(frozen=True)
class Said:
    text: str


@pytest.fixture
def service() -> str:
    """A part of the server that is empty."""
    return f"test-{token_hex(6)}"


@pytest.fixture
async def store(kurrent_uri: str, service: str, open_kurrent: OpenKurrent) -> KurrentEventStore:
    return await open_kurrent(kurrent_uri, service)


@pytest.fixture
async def client(kurrent_uri: str) -> AsyncIterator[kurrent.AsyncKurrentDBClient]:
    """An operator with the vendor's own tool."""
    async with kurrent.AsyncKurrentDBClient(kurrent_uri) as connected:
        yield connected


class TestKurrentEventStore(EventStoreConformance):
    @pytest.fixture
    def open_store(self, kurrent_uri: str, service: str, open_kurrent: OpenKurrent) -> OpenStore:
        async def open_one() -> EventStore:
            return await open_kurrent(kurrent_uri, service)

        return open_one


# What KurrentDB is asked for, on any server


@pytest.mark.parametrize("longer", ["-too", "_too"])
async def test_services_that_share_a_cluster_see_nothing_of_each_other(
    kurrent_uri: str, service: str, open_kurrent: OpenKurrent, longer: str
) -> None:
    ours, theirs = (
        await open_kurrent(kurrent_uri, service),
        await open_kurrent(kurrent_uri, f"{service}{longer}"),
    )
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
    kurrent_uri: str,
    service: str,
    open_kurrent: OpenKurrent,
    store: KurrentEventStore,
    is_new: bool,
) -> None:
    one, two = event(), event()
    await store.append(stream("a"), [one], expected=NO_STREAM)
    await store.append(stream("a"), [two], expected=0)
    again = await open_kurrent(kurrent_uri, service) if is_new else store
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
    kurrent_uri: str, service: str, open_kurrent: OpenKurrent
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
    handler = CommandHandler(await open_kurrent(kurrent_uri, service), say, codec, "talk")
    first = await handler.handle("one", key="k", context=context)
    await handler.handle(
        "two",
        key="k",
        context=CommandContext(command_id=UUID(int=7), metadata=context.metadata),
    )
    anew = CommandHandler(await open_kurrent(kurrent_uri, service), say, codec, "talk")
    for each in (handler, anew):
        again = await each.handle("other words", key="k", context=context)
        assert (list(again.events), again.revision) == (list(first.events), 0)
    assert (await anew.load(tenant="north", key="k")) == (2, 1)


async def test_a_softly_deleted_stream_is_neither_empty_nor_writable(
    kurrent_uri: str,
    service: str,
    open_kurrent: OpenKurrent,
    store: KurrentEventStore,
    client: kurrent.AsyncKurrentDBClient,
) -> None:
    """The server would let it begin anew: a payment that was captured could be captured again."""
    await noted(store, stream("a"), "one", "two")
    name = f"{service}.note:north.a"
    await client.delete_stream(name, current_version=1)
    for each in (store, await open_kurrent(kurrent_uri, service)):
        with pytest.raises(StreamDeleted) as deleted:
            await history(each, stream("a"))
        assert deleted.value.stream == stream("a")
    fresh = await open_kurrent(kurrent_uri, service)
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
            await store.ping()
            await noted(store, stream("a"), "one")
        async with open_store_of(kurrent_uri, service=service, pool=pool) as store:
            assert isinstance(store, KurrentEventStore)
            await store.ping()
            assert await history(store, stream("a")) == []
        for ask in (store.position(), store.ping()):
            with pytest.raises(StoreUnavailable):
                await ask
        with pytest.raises(ValueError, match="begins with"):
            async with open_store_of("mongodb://a", service=service, pool=pool):
                pass


def test_settings_that_would_harm_are_refused() -> None:
    with pytest.raises(ValueError, match="leader"):
        KurrentEventStore("kurrentdb://a:1?tls=false&nodePreference=follower", service="surgery")
    for name in ("", "Booking", "_booking", "a.b", "a:b"):
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

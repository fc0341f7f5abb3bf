"""The suite, as one class."""
# ruff: noqa: D102 - the names of the tests are sentences

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import pytest

from event_store.records import (
    NO_STREAM,
    START,
    AppendConflict,
    Appended,
    Cursor,
    EventFilter,
    IdempotencyViolation,
    NewEvent,
    RecordedEvent,
)
from event_store.store import EventStore
from event_store.testing.samples import (
    PATIENCE,
    closing,
    event,
    history,
    noted,
    read_back,
    stream,
    take,
    texts,
)

OpenStore: TypeAlias = Callable[[], Awaitable[EventStore]]


class EventStoreConformance:
    """Subclass it, and give the fixture `open_store`: each call opens the same store anew, as a restart would."""

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> EventStore:
        return await open_store()

    # Append

    async def test_the_first_event_of_a_stream_has_revision_0(self, store: EventStore) -> None:
        appended = await noted(store, stream("a"), "one")
        assert appended.revision == 0
        assert [event.revision for event in await history(store, stream("a"))] == [0]

    async def test_a_batch_is_stored_in_its_order_with_consecutive_revisions(
        self, store: EventStore
    ) -> None:
        await noted(store, stream("a"), "one")
        appended = await noted(store, stream("a"), "two", "three", "four", expected=0)
        stored = await history(store, stream("a"))
        assert appended.revision == 3
        assert appended.cursor == stored[-1].cursor
        assert texts(stored) == ["one", "two", "three", "four"]
        assert [event.revision for event in stored] == [0, 1, 2, 3]
        assert texts(await read_back(store)) == ["one", "two", "three", "four"]

    async def test_what_is_stored_is_what_was_sent(self, store: EventStore) -> None:
        sent = NewEvent(event().id, "Noted.v2", bytes(range(256)), b'{"who":"\xd0\x96"}')
        await store.append(stream("Ж 1:2.3-4"), [sent], expected=NO_STREAM)
        [got] = await history(store, stream("Ж 1:2.3-4"))
        assert (got.id, got.type, got.data, got.metadata) == (
            sent.id,
            sent.type,
            sent.data,
            sent.metadata,
        )
        assert got.stream == "note-north.Ж 1:2.3-4"
        assert got == (await read_back(store))[0]

    async def test_an_event_may_have_a_megabyte(self, store: EventStore) -> None:
        big = random.Random(1).randbytes(1_000_000)  # noqa: S311 - not for secrets
        await store.append(stream("a"), [event(big), event(big[::-1])], expected=NO_STREAM)
        assert [event.data for event in await history(store, stream("a"))] == [big, big[::-1]]
        assert [len(event.data) for event in await read_back(store)] == [1_000_000, 1_000_000]

    async def test_an_append_has_events(self, store: EventStore) -> None:
        with pytest.raises(ValueError, match="at least one"):
            await store.append(stream("a"), [], expected=NO_STREAM)

    @pytest.mark.parametrize(
        ("there", "expected"), [(0, 0), (0, 7), (3, NO_STREAM), (3, 0), (3, 1), (3, 3), (3, 9)]
    )
    async def test_a_conflict_names_the_actual_revision_and_stores_nothing(
        self, store: EventStore, there: int, expected: int
    ) -> None:
        for revision in range(there):
            await noted(store, stream("a"), str(revision), expected=revision - 1)
        with pytest.raises(AppendConflict) as conflict:
            await noted(store, stream("a"), "late", expected=expected)
        assert conflict.value.stream == stream("a")
        assert conflict.value.expected == expected
        assert conflict.value.actual == there - 1
        assert len(await history(store, stream("a"))) == there

    async def test_streams_with_equal_keys_are_apart_by_tenant_and_category(
        self, store: EventStore
    ) -> None:
        apart = [stream("a"), stream("a", tenant="south"), stream("a", category="letter")]
        for name in apart:
            await noted(store, name, str(name))
        for name in apart:
            assert texts(await history(store, name)) == [str(name)]

    # Repeats

    async def test_the_same_batch_again_is_a_success_with_the_first_answer(
        self, store: EventStore
    ) -> None:
        first, second = [event(), event()], [event(), event(), event()]
        answers = [
            await store.append(stream("a"), first, expected=NO_STREAM),
            await store.append(stream("a"), second, expected=1),
        ]
        await noted(store, stream("a"), "later", expected=4)
        again = [
            await store.append(stream("a"), first, expected=NO_STREAM),
            await store.append(stream("a"), second, expected=1),
        ]
        assert [(a.revision, a.cursor) for a in again] == [(a.revision, a.cursor) for a in answers]
        assert [a.repeated for a in answers + again] == [False, False, True, True]
        assert len(await history(store, stream("a"))) == 6

    async def test_part_of_a_batch_again_is_refused(self, store: EventStore) -> None:
        one, two = event(), event()
        await store.append(stream("a"), [one, two], expected=NO_STREAM)
        for other in ([one, event()], [one, two, event()]):
            with pytest.raises(IdempotencyViolation):
                await store.append(stream("a"), other, expected=NO_STREAM)
        assert len(await history(store, stream("a"))) == 2

    async def test_the_same_batch_sent_many_times_at_once_is_stored_once(
        self, open_store: OpenStore
    ) -> None:
        stores = [await open_store(), await open_store()]
        batch = [event(), event()]
        answers = await asyncio.gather(
            *(store.append(stream("a"), batch, expected=NO_STREAM) for store in stores * 10)
        )
        assert len({(answer.revision, answer.cursor) for answer in answers}) == 1
        assert sum(not answer.repeated for answer in answers) == 1
        assert len(await history(stores[0], stream("a"))) == 2

    # Concurrency

    async def test_one_of_many_writers_at_one_revision_wins(self, open_store: OpenStore) -> None:
        stores = [await open_store(), await open_store()]
        await noted(stores[0], stream("a"), "first")
        answers = await asyncio.gather(
            *(noted(store, stream("a"), "next", expected=0) for store in stores * 25),
            return_exceptions=True,
        )
        losers = [answer for answer in answers if isinstance(answer, AppendConflict)]
        assert len(losers) == 49
        assert {loser.actual for loser in losers} == {1}
        assert len(await history(stores[0], stream("a"))) == 2

    async def test_appends_that_meet_keep_their_own_outcome(self, store: EventStore) -> None:
        batches = [[event(str(index).encode())] for index in range(40)]
        await asyncio.gather(
            *(
                store.append(stream(str(index)), batches[index], expected=NO_STREAM)
                for index in range(0, 40, 2)
            )
        )
        answers = await asyncio.gather(
            *(
                store.append(
                    stream(str(index)),
                    [event()] if index % 4 == 0 else batches[index],
                    expected=NO_STREAM,
                )
                for index in range(40)
            ),
            return_exceptions=True,
        )
        for index, answer in enumerate(answers):
            if index % 4 == 0:
                assert isinstance(answer, AppendConflict)
                assert answer.stream == stream(str(index))
                assert answer.actual == 0
            else:
                assert isinstance(answer, Appended)
                assert answer.repeated == (index % 2 == 0)
                assert (await history(store, stream(str(index))))[0].cursor == answer.cursor
        assert len(await read_back(store)) == 40

    async def test_a_cancelled_append_is_all_or_nothing_and_harms_nobody(
        self, store: EventStore
    ) -> None:
        chance = random.Random(2)  # noqa: S311 - not for secrets
        batches = {stream(str(index)): [event(), event(), event()] for index in range(120)}
        callers = {
            name: asyncio.create_task(store.append(name, batch, expected=NO_STREAM))
            for name, batch in batches.items()
        }
        victims = chance.sample(list(batches), 60)
        for place, name in enumerate(victims):
            if place >= 10:  # the first ones are cancelled before they begin
                await asyncio.sleep(chance.choice([0, 0, 0.0005]))
            callers[name].cancel()
        await asyncio.wait(callers.values())
        for name, caller in callers.items():
            assert caller.cancelled() or len(await history(store, name)) == 3
            assert name in victims or not caller.cancelled()
        assert any(caller.cancelled() for caller in callers.values())
        for name, batch in batches.items():
            await store.append(name, batch, expected=NO_STREAM)
            assert len(await history(store, name)) == 3
        assert len(await read_back(store)) == 360

    async def test_a_reader_beside_many_writers_gets_each_event_once_in_order(
        self, open_store: OpenStore
    ) -> None:
        chance = random.Random(3)  # noqa: S311 - not for secrets
        writers = [await open_store() for _ in range(4)]
        finished = asyncio.Event()
        seen: list[RecordedEvent] = []

        async def write(store: EventStore, rounds: int) -> None:
            for _ in range(rounds):
                name = stream(str(chance.randrange(12)))
                actual = len(await history(store, name)) - 1
                batch = [event() for _ in range(chance.randint(1, 3))]
                append = asyncio.ensure_future(store.append(name, batch, expected=actual))
                if chance.random() < 0.15:
                    await asyncio.sleep(chance.random() * 0.003)
                    append.cancel()
                await asyncio.wait((append,))
                if not append.cancelled() and (failure := append.exception()):
                    assert isinstance(failure, AppendConflict)
                if chance.random() < 0.2:
                    await asyncio.sleep(chance.random() * 0.004)

        async def read(store: EventStore) -> None:
            after = START
            while True:
                done = finished.is_set()
                async for page in store.read_all(after=after, page_size=chance.randint(1, 20)):
                    seen.extend(page.events)
                    after = page.cursor
                if done:
                    return
                await asyncio.sleep(0)

        async with asyncio.timeout(PATIENCE * 2):
            reader = asyncio.create_task(read(await open_store()))
            await asyncio.gather(*(write(store, 60) for store in writers for _ in range(4)))
            finished.set()
            await reader
        await self._nothing_lost_nothing_twice(writers[0], seen)

    async def _nothing_lost_nothing_twice(
        self, store: EventStore, seen: Sequence[RecordedEvent]
    ) -> None:
        stored = await read_back(store)
        assert [event.id for event in seen] == [event.id for event in stored]
        assert len({event.id for event in seen}) == len(seen) > 0
        revisions: dict[str, list[int]] = defaultdict(list)
        for one in seen:
            revisions[one.stream].append(one.revision)
        for got in revisions.values():
            assert got == list(range(len(got)))

    # Reading one stream

    async def test_an_unknown_stream_has_no_pages(self, store: EventStore) -> None:
        await noted(store, stream("a"), "one")
        assert await history(store, stream("b")) == []
        assert [page async for page in store.read_stream(stream("b"), backwards=True)] == []

    async def test_a_stream_is_read_from_behind_a_revision_either_way_up_to_a_limit(
        self, store: EventStore
    ) -> None:
        await noted(store, stream("b"), "other")
        for start in range(0, 1200, 300):
            await noted(
                store, stream("a"), *map(str, range(start, start + 300)), expected=start - 1
            )

        async def revisions(
            after: int = NO_STREAM, limit: int | None = None, *, backwards: bool = False
        ) -> list[int]:
            pages = store.read_stream(stream("a"), after=after, backwards=backwards, limit=limit)
            return [event.revision async for page in pages for event in page]

        everything = list(range(1200))
        assert await revisions() == everything
        assert await revisions(backwards=True) == everything[::-1]
        assert await revisions(after=1190) == everything[1191:]
        assert await revisions(after=1190, backwards=True) == everything[:1190:-1]
        assert await revisions(after=1199) == []
        assert await revisions(after=1199, backwards=True) == []
        for limit in (0, 1, 499, 500, 501, 1000, 2000):
            assert await revisions(limit=limit) == everything[:limit]
            assert await revisions(limit=limit, backwards=True) == everything[::-1][:limit]

    async def test_streams_that_are_read_at_the_same_time_do_not_mix(
        self, store: EventStore
    ) -> None:
        lengths = {f"{number}": number % 7 for number in range(150)} | {"long": 450}
        await asyncio.gather(
            *(
                noted(store, stream(key), *(f"{key}/{place}" for place in range(length)))
                for key, length in lengths.items()
                if length
            )
        )

        async def behind(key: str, after: int) -> list[str]:
            pages = store.read_stream(stream(key), after=after)
            return texts([event async for page in pages for event in page])

        wanted = [(key, after) for key in lengths for after in (NO_STREAM, 0, 2)]
        found = await asyncio.gather(*(behind(key, after) for key, after in wanted))
        for (key, after), read in zip(wanted, found, strict=True):
            assert read == [f"{key}/{place}" for place in range(after + 1, lengths[key])]

    # Reading all

    async def test_an_empty_store_has_one_empty_page(self, store: EventStore) -> None:
        [page] = [page async for page in store.read_all()]
        assert (list(page.events), page.cursor, page.caught_up) == ([], START, True)
        assert await store.position() == START

    @pytest.mark.parametrize("page_size", [1, 3, 4, 6, 7, 12, 100])
    async def test_pages_go_on_where_the_last_one_ended(
        self, store: EventStore, page_size: int
    ) -> None:
        for index in range(4):
            await noted(store, stream(str(index)), "a", "b", "c")
        pages = [page async for page in store.read_all(page_size=page_size)]
        everything = [event for page in pages for event in page.events]
        assert len(everything) == 12
        assert all(len(page.events) == page_size for page in pages[:-1])
        assert [page.caught_up for page in pages] == [False] * (len(pages) - 1) + [True]
        assert pages[-1].cursor == await store.position()
        cursors = [event.cursor for event in everything]
        assert cursors == sorted(set(cursors))
        for place, cursor in enumerate(cursors, start=1):
            assert await read_back(store, cursor, page_size=page_size) == everything[place:]

    async def test_a_cursor_survives_its_text_and_sorts_as_its_text(
        self, store: EventStore
    ) -> None:
        for index in range(20):
            await noted(store, stream(str(index)), "a", "b")
        cursors = [START, *(event.cursor for event in await read_back(store))]
        assert [Cursor.parse(str(cursor)) for cursor in cursors] == cursors
        assert sorted(map(str, cursors)) == [str(cursor) for cursor in cursors]

    @pytest.mark.parametrize("page_size", [1, 2, 1000])
    async def test_a_filter_lets_categories_and_families_through(
        self, store: EventStore, page_size: int
    ) -> None:
        for index in range(3):
            for category in ("note", "letter", "call"):
                await store.append(
                    stream(str(index), category),
                    [event(category.encode(), "Begun.v1"), event(category.encode(), "Ended.v1")],
                    expected=NO_STREAM,
                )

        async def through(**wanted: frozenset[str]) -> list[tuple[str, str]]:
            found = await read_back(store, where=EventFilter(**wanted), page_size=page_size)
            return [(event.data.decode(), event.type) for event in found]

        note, call = frozenset({"note"}), frozenset({"note", "call"})
        assert await through(categories=note) == [("note", "Begun.v1"), ("note", "Ended.v1")] * 3
        assert (
            await through(families=frozenset({"Ended"}))
            == [
                ("note", "Ended.v1"),
                ("letter", "Ended.v1"),
                ("call", "Ended.v1"),
            ]
            * 3
        )
        assert (
            await through(categories=call, families=frozenset({"Begun", "Unheard"}))
            == [("note", "Begun.v1"), ("call", "Begun.v1")] * 3
        )
        assert await through(categories=frozenset({"unheard"})) == []

    async def test_a_family_is_let_through_in_every_version_also_live(
        self, store: EventStore
    ) -> None:
        """A newer process writes versions that the reader's own code has never heard of."""
        where = EventFilter(families=frozenset({"Ended"}))
        names = ["Ended.v1", "EndedEarly.v1", "Ended.v2", "Begun.v1", "Ended.v10"]
        wanted = ["Ended.v1", "Ended.v2", "Ended.v10"]

        async def write(key: str) -> Appended:
            batch = [event(name.encode(), name) for name in names]
            return await store.append(stream(key), batch, expected=NO_STREAM)

        await write("a")
        assert texts(await read_back(store, where=where)) == wanted
        async with closing(store.subscribe(where=where)) as pages:
            assert texts((await take(pages, await store.position()))[0]) == wanted
            assert texts((await take(pages, (await write("b")).cursor))[0]) == wanted

    @pytest.mark.parametrize("page_size", [1, 2, 1000])
    async def test_a_reader_whose_filter_hides_the_newest_events_still_reaches_the_end(
        self, store: EventStore, page_size: int
    ) -> None:
        await noted(store, stream("a", "letter"), "hidden")
        await noted(store, stream("a"), "shown", "shown")
        await noted(store, stream("b", "letter"), "hidden", "hidden")
        where = EventFilter(categories=frozenset({"note"}))
        pages = [page async for page in store.read_all(where=where, page_size=page_size)]
        assert texts([event for page in pages for event in page.events]) == ["shown", "shown"]
        assert pages[-1].caught_up
        assert pages[-1].cursor == await store.position()
        after = pages[-1].cursor
        assert await read_back(store, after, where) == []
        await noted(store, stream("b"), "new")
        assert texts(await read_back(store, after, where)) == ["new"]

    async def test_the_position_is_at_or_behind_every_append(self, store: EventStore) -> None:
        for index in range(5):
            appended = await noted(store, stream(str(index)), "a", "b")
            assert await store.position() >= appended.cursor

    async def test_the_horizon_of_a_quiet_store_is_its_end(self, store: EventStore) -> None:
        assert await store.horizon() == START
        await noted(store, stream("a"), "old", "old")
        horizon = await store.horizon()
        assert horizon == await store.position()
        await noted(store, stream("b"), "new")
        assert texts(await read_back(store, horizon)) == ["new"]

    # Subscriptions

    async def test_a_subscription_catches_up_says_so_and_goes_on_live(
        self, store: EventStore
    ) -> None:
        for index in range(5):
            await noted(store, stream(str(index)), "old")
        async with closing(store.subscribe(page_size=2)) as pages:
            old: list[RecordedEvent] = []
            async for page in pages:
                old += page.events
                if page.caught_up:
                    break
            assert texts(old) == ["old"] * 5
            for index in range(5):
                appended = await noted(store, stream(str(index)), f"new {index}", expected=0)
                assert texts((await take(pages, appended.cursor))[0]) == [f"new {index}"]

    async def test_a_subscription_to_an_empty_store_is_caught_up_at_once(
        self, store: EventStore
    ) -> None:
        async with closing(store.subscribe()) as pages:
            page = await anext(pages)
            assert page.caught_up
            assert not page.events
            appended = await noted(store, stream("a"), "first")
            assert texts((await take(pages, appended.cursor))[0]) == ["first"]

    async def test_a_live_subscription_passes_events_that_its_filter_hides(
        self, store: EventStore
    ) -> None:
        where = EventFilter(families=frozenset({"Ended"}))
        async with closing(store.subscribe(where=where)) as pages:
            assert (await anext(pages)).caught_up
            appended = await noted(store, stream("a"), "hidden")
            assert await take(pages, appended.cursor) == ([], appended.cursor)

    async def test_a_subscription_hears_of_appends_of_another_process(
        self, open_store: OpenStore
    ) -> None:
        here, there = await open_store(), await open_store()
        async with closing(here.subscribe()) as pages:
            assert (await anext(pages)).caught_up
            for index in range(3):
                appended = await noted(there, stream(str(index)), str(index))
                assert texts((await take(pages, appended.cursor))[0]) == [str(index)]

    async def test_a_subscription_goes_on_after_a_restart(self, open_store: OpenStore) -> None:
        seen: list[RecordedEvent] = []
        after = Cursor.parse("")
        for restart in range(4):
            store = await open_store()
            await asyncio.gather(
                *(noted(store, stream(f"{restart}:{index}"), "a", "b") for index in range(10))
            )
            async with closing(store.subscribe(after=after, page_size=7)) as pages:
                for _ in range(2):
                    page = await anext(pages)
                    seen += page.events
                    after = Cursor.parse(str(page.cursor))
        store = await open_store()
        async with closing(store.subscribe(after=after)) as pages:
            seen += (await take(pages, await store.position()))[0]
        assert len(seen) == 80
        await self._nothing_lost_nothing_twice(store, seen)

    async def test_many_subscriptions_each_get_everything(self, store: EventStore) -> None:
        async def follow() -> list[RecordedEvent]:
            async with closing(store.subscribe(page_size=5)) as pages:
                seen: list[RecordedEvent] = []
                async for page in pages:
                    seen += page.events
                    if len(seen) >= 100:
                        return seen
            raise AssertionError("a subscription never ends")

        async with asyncio.timeout(PATIENCE):
            followers = [asyncio.create_task(follow()) for _ in range(5)]
            for round_ in range(10):
                await asyncio.gather(
                    *(noted(store, stream(f"{round_}:{index}"), "x") for index in range(10))
                )
            for follower in followers:
                await self._nothing_lost_nothing_twice(store, await follower)

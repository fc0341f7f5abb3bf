# ruff: noqa: D102 - the names of tests are sentences
"""What every consumer keeps over every pair of bus and inbox."""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from decider import Rejection
from messaging.bus import Bus, MessagingUnavailable, partition_of
from messaging.cause import Cause
from messaging.consumer import batch_consumer, bus_consumer
from messaging.envelope import Envelope
from messaging.inbox import Inbox
from messaging.pump import Runnable, Terms
from messaging.testing.buses import OpenBus
from messaging.testing.driving import drain, running, until
from messaging.testing.inboxes import OpenInbox
from messaging.testing.samples import (
    TOPIC,
    Counted,
    Ledger,
    NowClock,
    QuietWatch,
    envelope,
    envelopes,
    position,
)

__all__ = ["ConsumerConformance"]

QUICK: Final = Terms(
    attempts=3,
    first_delay=timedelta(milliseconds=10),
    longest_delay=timedelta(milliseconds=40),
    redrive_every=timedelta(milliseconds=10),
)

Handler: TypeAlias = Callable[[Envelope], Awaitable[None]]


class Closed(Rejection):
    """The sample refusal."""

    code = "CLOSED"


class OutOfOrder(Exception):
    """The sample outage."""


def counting(
    bus: Bus,
    inbox: Inbox,
    handler: Handler,
    *,
    watch: QuietWatch | None = None,
    terms: Terms = QUICK,
) -> Runnable:
    """A consumer of the sample topic."""

    async def on_counted(event: Counted, cause: Cause, app: object) -> None:
        await handler(cause.envelope)

    return bus_consumer(
        service="billing",
        topic=TOPIC,
        handlers={Counted: on_counted},
        app=None,
        bus=bus,
        inbox=inbox,
        clock=NowClock(),
        retryable=(OutOfOrder,),
        watch=watch or QuietWatch(),
        terms=terms,
    )


class ConsumerConformance:
    """The suite. Subclass it, give `open_bus` and `open_inbox`."""

    @pytest.fixture
    def open_bus(self) -> OpenBus:
        """Every call is another process's view of the same bus."""
        raise NotImplementedError

    @pytest.fixture
    def open_inbox(self) -> OpenInbox:
        """Every call is another process's view of the same inbox."""
        raise NotImplementedError

    @pytest.fixture
    async def bus(self, open_bus: OpenBus) -> Bus:
        """One process's bus."""
        return await open_bus()

    @pytest.fixture
    async def inbox(self, open_inbox: OpenInbox) -> Inbox:
        """One process's inbox."""
        return await open_inbox()

    async def test_every_event_is_handled_once_and_in_order(self, bus: Bus, inbox: Inbox) -> None:
        ledger, sent = Ledger(), envelopes(300)
        await bus.publish(TOPIC, sent)

        async def handle(handled: Envelope) -> None:
            await asyncio.sleep(0)
            ledger.note(handled)

        await drain(counting(bus, inbox, handle))
        assert ledger.all() == list(range(1, 301))
        ledger.assert_in_order(sent)

    async def test_a_second_run_goes_on_where_the_first_ended(
        self, bus: Bus, inbox: Inbox, open_inbox: OpenInbox
    ) -> None:
        ledger = Ledger()
        await bus.publish(TOPIC, envelopes(30))
        await drain(counting(bus, inbox, noting(ledger)))
        await bus.publish(TOPIC, envelopes(30, first=31))
        await drain(counting(bus, await open_inbox(), noting(ledger)))
        assert ledger.all() == list(range(1, 61))

    async def test_what_is_published_again_is_passed_over(self, bus: Bus, inbox: Inbox) -> None:
        ledger, sent = Ledger(), envelopes(30)
        await bus.publish(TOPIC, sent)
        await drain(counting(bus, inbox, noting(ledger)))
        await bus.publish(TOPIC, [*sent[10:], *envelopes(5, first=31)])
        await drain(counting(bus, inbox, noting(ledger)))
        assert ledger.all() == list(range(1, 36))

    async def test_what_stands_twice_in_one_batch_counts_once(self, bus: Bus, inbox: Inbox) -> None:
        """A relay that died behind its publication has published again before anybody read."""
        places: list[str] = []

        async def apply(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
            places.extend(each.position for each in batch)

        sent = envelopes(30)
        await bus.publish(TOPIC, sent)
        await bus.publish(TOPIC, [*sent[10:], envelope(31)])
        await drain(writing(bus, inbox, apply))
        await bus.publish(TOPIC, sent[5:])
        await drain(writing(bus, inbox, apply))
        assert sorted(places) == [each.position for each in envelopes(31)]

    async def test_a_mark_never_falls_behind_what_was_done(self, bus: Bus, inbox: Inbox) -> None:
        ledger = Ledger()
        sent = [envelope(number) for number in range(1, 6)]
        await bus.publish(TOPIC, [*sent, sent[0]])
        await drain(counting(bus, inbox, noting(ledger)))
        await bus.publish(TOPIC, sent)
        await drain(counting(bus, inbox, noting(ledger)))
        assert ledger.all() == [1, 2, 3, 4, 5]

    async def test_a_handler_that_never_ends_has_failed(self, bus: Bus, inbox: Inbox) -> None:
        watch = QuietWatch()
        await bus.publish(TOPIC, [envelope(1)])

        async def hang(_: Envelope) -> None:
            await asyncio.Event().wait()

        terms = replace(QUICK, longest_handling=timedelta(milliseconds=20))
        async with running(counting(bus, inbox, hang, watch=watch, terms=terms)):
            await until(lambda: watch.quarantined == [envelope(1).key])
        (parked,) = await inbox.list_parked()
        assert parked.attempts == 3

    async def test_types_without_a_handler_are_passed_over(self, bus: Bus, inbox: Inbox) -> None:
        ledger = Ledger()
        foreign = Envelope(
            id=envelope(1).id,
            source="booking",
            type="Unheard.v1",
            key=envelope(1).key,
            position=envelope(1).position,
            data=b"not even JSON",
            metadata=envelope(1).metadata,
        )
        await bus.publish(TOPIC, [foreign, envelope(2)])
        await drain(counting(bus, inbox, noting(ledger)))
        assert ledger.all() == [2]
        assert list(await inbox.list_parked()) == []

    async def test_keys_are_handled_side_by_side_up_to_the_bound(
        self, bus: Bus, inbox: Inbox
    ) -> None:
        at_once, most = 0, 0

        async def handle(_: Envelope) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.005)
            at_once -= 1

        keys = _keys_of_one_partition(20)
        await bus.publish(TOPIC, envelopes(20, key=lambda number: keys[number - 1]))
        terms = Terms(concurrency=4)
        await drain(counting(bus, inbox, handle, terms=terms))
        assert most == 4

    async def test_a_poisoned_key_is_quarantined_with_its_followers_and_others_go_on(
        self, bus: Bus, inbox: Inbox
    ) -> None:
        ledger, watch, sent = Ledger(), QuietWatch(), envelopes(100)
        await bus.publish(TOPIC, sent[:50])
        poisoned = poison(ledger, key="k3", from_number=10)
        consumer = counting(bus, inbox, poisoned, watch=watch)
        async with running(consumer):
            await until(lambda: watch.quarantined == ["counter-north.k3"])
            await bus.publish(TOPIC, sent[50:])
            await until(lambda: len(ledger.all()) == 100 - 13)
            await until(lambda: _waiting(inbox, 13))
        (parked,) = await inbox.list_parked("billing")
        assert (parked.key, parked.attempts, parked.retry_at) == ("counter-north.k3", 3, None)
        assert parked.error is not None
        assert parked.error.startswith("ArithmeticError in consumers.py:")
        kept = await inbox.parked_envelopes("billing", "counter-north.k3")
        assert list(kept) == [each for each in sent if each.key == "counter-north.k3"][1:]
        assert ledger.of("k3") == [3]

    @pytest.mark.parametrize(
        "spoiled",
        [
            {"position": "z"},
            {"position": position(2).upper()[:-1] + "G", "type": "Unheard.v1"},
            {"position": ""},
            {"position": f"{position(2)}!"},
            {"source": "book\0ing"},
            {"metadata": {"time": datetime(2026, 1, 2)}},  # noqa: DTZ001 - that is what is wrong
        ],
    )
    async def test_what_cannot_be_read_is_quarantined_with_every_byte_and_others_go_on(
        self, bus: Bus, inbox: Inbox, spoiled: dict[str, Any]
    ) -> None:
        """Nothing of another's making becomes a mark, and nothing is passed over, whether it has a handler or not."""
        ledger, sent = Ledger(), [envelope(number, key="same") for number in range(1, 6)]
        metadata = msgspec.structs.replace(sent[1].metadata, **spoiled.get("metadata", {}))
        broken = msgspec.structs.replace(sent[1], **{**spoiled, "metadata": metadata}, data=b"\xff")
        await bus.publish(TOPIC, [sent[0], broken, sent[2]])
        async with running(counting(bus, inbox, noting(ledger))):
            await until(lambda: ledger.all() == [1, 3])
            await bus.publish(TOPIC, sent[3:])
            await until(lambda: ledger.all() == [1, 3, 4, 5])

            async def is_quarantined() -> bool:
                parked = await inbox.list_parked()
                return [each.retry_at for each in parked] == [None]

            await until(is_quarantined)
        (parked,) = await inbox.list_parked()
        (aside,) = await inbox.parked_envelopes("billing", parked.key)
        kept = msgspec.json.decode(aside.data)
        assert b64decode(kept["data"]) == b"\xff"
        assert kept["headers"]

    async def test_redrive_handles_what_was_parked_in_order_and_then_the_key_flows(
        self, bus: Bus, inbox: Inbox, open_inbox: OpenInbox
    ) -> None:
        ledger, watch, sent = Ledger(), QuietWatch(), envelopes(60)
        await bus.publish(TOPIC, sent[:40])
        async with running(counting(bus, inbox, poison(ledger, key="k3"), watch=watch)):
            await until(lambda: watch.quarantined == ["counter-north.k3"])
        mended = counting(bus, await open_inbox(), noting(ledger))
        async with running(mended):
            assert await inbox.redrive("billing", "counter-north.k3")
            await bus.publish(TOPIC, sent[40:])
            await until(lambda: len(ledger.all()) == 60)
            await until(lambda: _nothing_parked(inbox))
        ledger.assert_in_order(sent)
        assert ledger.all() == list(range(1, 61))

    async def test_an_outage_is_no_attempt_and_heals_by_itself(
        self, bus: Bus, inbox: Inbox
    ) -> None:
        ledger, watch, sent = Ledger(), QuietWatch(), envelopes(21)
        await bus.publish(TOPIC, sent)
        refused = 0

        async def handle(handled: Envelope) -> None:
            nonlocal refused
            if handled.key == "counter-north.k3" and refused < 12:
                refused += 1
                raise OutOfOrder
            ledger.note(handled)

        async with running(counting(bus, inbox, handle, watch=watch)):
            await until(lambda: len(ledger.all()) == 21)
            await until(lambda: _nothing_parked(inbox))
        ledger.assert_in_order(sent)
        assert {attempt for _, attempt in watch.failures} == {0}
        assert watch.quarantined == []

    async def test_a_hiccup_is_tried_again_on_the_spot(self, bus: Bus, inbox: Inbox) -> None:
        ledger, watch = Ledger(), QuietWatch()
        await bus.publish(TOPIC, [envelope(1)])
        hiccups = [OutOfOrder(), OutOfOrder()]

        async def handle(handled: Envelope) -> None:
            if hiccups:
                raise hiccups.pop()
            ledger.note(handled)

        await drain(counting(bus, inbox, handle, watch=watch))
        assert (ledger.all(), watch.failures) == ([1], [])

    async def test_a_refusal_by_the_rules_is_an_answer(self, bus: Bus, inbox: Inbox) -> None:
        watch = QuietWatch()
        await bus.publish(TOPIC, envelopes(3))

        async def handle(_: Envelope) -> None:
            raise Closed

        await drain(counting(bus, inbox, handle, watch=watch))
        assert watch.rejections == ["CLOSED"] * 3
        assert list(await inbox.list_parked()) == []

    async def test_work_cancelled_in_the_middle_is_done_again_and_is_no_attempt(
        self, bus: Bus, inbox: Inbox, open_inbox: OpenInbox
    ) -> None:
        ledger, sent, begun = Ledger(), envelopes(20), asyncio.Event()
        await bus.publish(TOPIC, sent)

        async def hang(_: Envelope) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with running(counting(bus, inbox, hang)):
            await begun.wait()
        again = await open_inbox()
        await drain(counting(bus, again, noting(ledger)))
        assert ledger.all() == list(range(1, 21))
        ledger.assert_in_order(sent)

    async def test_a_crash_counts_and_the_culprit_alone_is_quarantined(
        self, bus: Bus, open_inbox: OpenInbox
    ) -> None:
        ledger, watch, keys = Ledger(), QuietWatch(), _keys_of_one_partition(7)
        sent = envelopes(28, key=lambda number: keys[number % 7])
        culprit = sent[2].key
        await bus.publish(TOPIC, sent)
        for _ in range(20):
            inbox = _Dying(await open_inbox())

            async def handle(handled: Envelope, inbox: _Dying = inbox) -> None:
                if handled.key == culprit:
                    inbox.dead = True
                await asyncio.sleep(0.01)
                ledger.note(handled)

            async with running(counting(bus, inbox, handle, watch=watch)):
                await until(lambda inbox=inbox: inbox.dead or bool(watch.quarantined))
            if watch.quarantined:
                break
        assert watch.quarantined == [culprit]
        healthy = await open_inbox()
        async with running(counting(bus, healthy, noting(ledger))):
            await until(lambda: _only_parked(healthy, culprit))
            others = [each for each in sent if each.key != culprit]
            await until(lambda: {e.position for e in others} <= {p for _, p in ledger.positions})
        ledger.assert_in_order(others)

    async def test_two_processes_share_the_work(
        self, open_bus: OpenBus, open_inbox: OpenInbox
    ) -> None:
        ledger, sent = Ledger(), envelopes(400)
        counts = [0, 0]

        def handle(who: int) -> Handler:
            async def note(handled: Envelope) -> None:
                counts[who] += 1
                ledger.note(handled)

            return note

        consumers = [counting(await open_bus(), await open_inbox(), handle(who)) for who in (0, 1)]
        writer = await open_bus()
        async with running(*consumers):
            for start in range(0, 400, 20):
                await writer.publish(TOPIC, sent[start : start + 20])
                await asyncio.sleep(0.05)
            await until(lambda: len(set(ledger.all())) == 400)
        ledger.assert_in_order(sent)
        assert min(counts) > 0

    async def test_rows_and_position_commit_together(self, bus: Bus, inbox: Inbox) -> None:
        batches: list[list[str]] = []

        async def apply(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
            batches.append([each.position for each in batch])

        await bus.publish(TOPIC, envelopes(40))
        await drain(writing(bus, inbox, apply))
        applied = sorted(place for batch in batches for place in batch)
        assert applied == [each.position for each in envelopes(40)]
        assert len(batches) <= TOPIC.partitions

    async def test_a_poisoned_row_parks_its_key_and_the_rest_of_its_batch_is_written(
        self, bus: Bus, inbox: Inbox
    ) -> None:
        ledger, watch = Ledger(), QuietWatch()

        async def apply(connection: Any, batch: Sequence[Envelope]) -> None:  # Any: see Apply
            if any(each.key == "counter-north.k3" for each in batch):
                raise ArithmeticError
            for each in batch:
                ledger.note(each)

        sent = envelopes(70)
        await bus.publish(TOPIC, sent)
        async with running(writing(bus, inbox, apply, watch=watch)):
            await until(lambda: watch.quarantined == ["counter-north.k3"])
            await until(lambda: _only_parked(inbox, "counter-north.k3"))
            await until(lambda: len(ledger.all()) >= 60)  # of other partitions too
        others = [each for each in sent if each.key != "counter-north.k3"]
        assert ledger.all() == [n for n in range(1, 71) if n % 7 != 3]
        ledger.assert_in_order(others)

    async def test_an_unreachable_inbox_stalls_and_goes_on_when_it_is_back(
        self, bus: Bus, inbox: Inbox
    ) -> None:
        ledger, watch, sent = Ledger(), QuietWatch(), envelopes(20)
        failing = _Dying(inbox)
        failing.dead = True
        await bus.publish(TOPIC, sent)
        async with running(counting(bus, failing, noting(ledger), watch=watch)):
            await until(lambda: bool(watch.stalls))
            assert ledger.all() == []
            failing.dead = False
            await until(lambda: ledger.all() == list(range(1, 21)))
        assert set(watch.stalls) == {"MessagingUnavailable"}


def noting(ledger: Ledger) -> Handler:
    """A handler that notes every event."""

    async def note(handled: Envelope) -> None:
        ledger.note(handled)

    return note


def poison(ledger: Ledger, *, key: str, from_number: int = 1) -> Handler:
    """A handler that fails at the events of one key, from a number on."""
    start = envelope(from_number).position

    async def note(handled: Envelope) -> None:
        if handled.key == f"counter-north.{key}" and handled.position >= start:
            raise ArithmeticError
        ledger.note(handled)

    return note


def writing(
    bus: Bus,
    inbox: Inbox,
    apply: Callable[[Any, Sequence[Envelope]], Awaitable[None]],
    *,
    watch: QuietWatch | None = None,
) -> Runnable:
    """A consumer whose effect is rows."""
    return batch_consumer(
        name="directory",
        topic=TOPIC,
        types={"Counted.v1"},
        apply=apply,
        bus=bus,
        inbox=inbox,
        watch=watch or QuietWatch(),
        terms=QUICK,
    )


class _Dying:
    """An inbox as a process sees it that dies: when `dead`, nothing of what it does arrives any more."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.dead = False

    def __getattr__(self, name: str) -> Any:  # Any: whatever the inbox has
        if self.dead:
            return self._unreachable
        return getattr(self._inbox, name)

    async def _unreachable(self, *_: object, **__: object) -> None:
        raise MessagingUnavailable


async def _waiting(inbox: Inbox, count: int) -> bool:
    return sum(parked.waiting for parked in await inbox.list_parked()) == count


async def _nothing_parked(inbox: Inbox) -> bool:
    return not await inbox.list_parked()


async def _only_parked(inbox: Inbox, key: str) -> bool:
    return [parked.key for parked in await inbox.list_parked()] == [key]


def _keys_of_one_partition(count: int) -> list[str]:
    keys = map(str, range(400))
    streams = ((key, envelope(1, key=key).key) for key in keys)
    return [key for key, stream in streams if partition_of(stream, TOPIC.partitions) == 0][:count]

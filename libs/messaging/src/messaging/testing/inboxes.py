# ruff: noqa: D102 - the names of tests are sentences
"""What every inbox must keep."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from messaging.inbox import (
    Claim,
    Fenced,
    Flow,
    Inbox,
    Instances,
    OpenInstances,
    Progress,
    StepAside,
)
from messaging.testing.driving import until
from messaging.testing.samples import envelope, position

__all__ = ["InboxConformance", "OpenInbox"]

OpenInbox: TypeAlias = Callable[[], Awaitable[Inbox]]

FLOW = Flow("billing", "booking.events", 2)
LEASE = timedelta(seconds=30)
AT_ONCE = timedelta()


async def claimed(inbox: Inbox, flow: Flow = FLOW, holder: str = "one") -> Claim:
    """Take `flow` over at once."""
    claim = await inbox.claim(flow, holder=holder)
    assert claim is not None
    return claim


def park(*numbers: int, key: str = "a", step: StepAside | None = None) -> Progress:
    """A batch of which these events are parked."""
    events = [envelope(number, key=key) for number in numbers]
    step = step or StepAside(events[0].key, 1, 0, "ValueError in x.py:1", AT_ONCE)
    return Progress(mark=events[-1].position, offset=numbers[-1], parked=events, aside=[step])


class InboxConformance:
    """The suite. Subclass it, give `open_inbox`."""

    @pytest.fixture
    def open_inbox(self) -> OpenInbox:
        """Every call is another process's view of the same inbox."""
        raise NotImplementedError

    async def test_a_new_flow_begins_at_the_beginning(self, open_inbox: OpenInbox) -> None:
        claim = await claimed(await open_inbox())
        assert (claim.mark, claim.offset, claim.begun) == ("", -1, "")

    async def test_the_next_claim_goes_on_where_the_last_settled(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        await inbox.settle(await claimed(inbox), Progress(mark=position(5), offset=4))
        claim = await claimed(await open_inbox(), holder="two")
        assert (claim.mark, claim.offset, claim.begun) == (position(5), 4, "")

    async def test_flows_do_not_meet(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        await inbox.settle(await claimed(inbox), park(1))
        for other in (
            Flow("other", FLOW.source, 2),
            Flow(FLOW.consumer, "other", 2),
            Flow(FLOW.consumer, FLOW.source, 1),
        ):
            claim = await claimed(inbox, other)
            assert (claim.mark, list(await inbox.aside(claim))) == ("", [])

    async def test_a_lease_keeps_others_out_until_it_is_released(
        self, open_inbox: OpenInbox
    ) -> None:
        one, two = await open_inbox(), await open_inbox()
        claim = await one.claim(FLOW, holder="one", ttl=LEASE)
        assert claim is not None
        assert await two.claim(FLOW, holder="two", ttl=LEASE) is None
        await one.release(claim)
        assert await two.claim(FLOW, holder="two", ttl=LEASE) is not None

    async def test_a_lease_runs_out(self, open_inbox: OpenInbox) -> None:
        one, two = await open_inbox(), await open_inbox()
        old = await one.claim(FLOW, holder="one", ttl=timedelta(milliseconds=200))
        assert old is not None
        assert await two.claim(FLOW, holder="two", ttl=LEASE) is None
        new: list[Claim | None] = []

        async def taken() -> bool:
            new.append(await two.claim(FLOW, holder="two", ttl=LEASE))
            return new[-1] is not None

        await until(taken)
        with pytest.raises(Fenced):
            await one.renew(old, LEASE)

    async def test_a_renewed_lease_does_not_run_out(self, open_inbox: OpenInbox) -> None:
        one, two = await open_inbox(), await open_inbox()
        claim = await one.claim(FLOW, holder="one", ttl=timedelta(milliseconds=200))
        assert claim is not None
        await one.renew(claim, LEASE)
        await asyncio.sleep(0.25)
        assert await two.claim(FLOW, holder="two", ttl=LEASE) is None

    async def test_who_was_taken_over_can_do_nothing(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        old = await claimed(inbox)
        await inbox.settle(old, park(1))
        new = await claimed(await open_inbox(), holder="two")
        applied: list[Any] = []

        async def apply(connection: Any) -> None:  # Any: see Apply
            applied.append(connection)

        for write in (
            inbox.settle(old, Progress(mark=position(9), offset=9)),
            inbox.settle(old, park(9, key="b")),
            inbox.settle(old, Progress(mark=position(9), offset=9, apply=apply)),
            inbox.begin(old, position(9)),
            inbox.aside(old),
            inbox.due(old, 10),
            inbox.attempt(old, envelope(1).key, again=AT_ONCE),
            inbox.passed(old, envelope(1), apply=apply),
            inbox.failed(old, StepAside(envelope(1).key, 5, 0, "", None)),
            inbox.renew(old, LEASE),
        ):
            with pytest.raises(Fenced):
                await write
        await inbox.release(old)
        assert applied == []
        assert list(await inbox.aside(new)) == [envelope(1).key]
        (parked,) = await inbox.list_parked()
        assert (parked.attempts, parked.waiting) == (1, 1)
        assert (await claimed(inbox)).mark == position(1)

    async def test_what_was_begun_and_not_settled_is_known_to_the_successor(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        await inbox.begin(claim, position(7))
        assert (await claimed(await open_inbox(), holder="two")).begun == position(7)

    async def test_release_leaves_nothing_begun(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        await inbox.begin(claim, position(7))
        await inbox.release(claim)
        assert (await claimed(inbox)).begun == ""

    async def test_parked_events_come_back_as_they_were_and_in_order(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        await inbox.settle(claim, park(1, 2))
        await inbox.settle(claim, park(3))
        expected = [envelope(number) for number in (1, 2, 3)]
        assert list(await inbox.parked_envelopes("billing", envelope(1).key)) == expected
        for number in (1, 2, 3):
            attempt = await inbox.attempt(claim, envelope(1).key, again=AT_ONCE)
            assert attempt is not None
            assert attempt.envelope == envelope(number)
            await inbox.passed(claim, attempt.envelope)
        assert await inbox.attempt(claim, envelope(1).key, again=AT_ONCE) is None
        assert list(await inbox.aside(claim)) == []

    async def test_attempts_are_counted_before_they_end(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        key = envelope(1).key
        await inbox.settle(await claimed(inbox), park(1))
        for number in (2, 3):  # each time by a process that dies
            claim = await claimed(await open_inbox(), holder=str(number))
            attempt = await inbox.attempt(claim, key, again=AT_ONCE)
            assert attempt is not None
            assert attempt.number == number
            assert list(await inbox.due(claim, 10)) == [(key, True)]

    async def test_an_attempt_that_never_ended_is_due_when_it_said(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        key = envelope(1).key
        await inbox.settle(claim, park(1))
        await inbox.attempt(claim, key, again=timedelta(hours=1))
        assert list(await inbox.due(claim, 10)) == []

    async def test_a_released_attempt_is_not_counted(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        await inbox.settle(claim, park(1))
        await inbox.attempt(claim, envelope(1).key, again=timedelta(hours=1))
        await inbox.release(claim)
        claim = await claimed(inbox)
        assert list(await inbox.due(claim, 10)) == [(envelope(1).key, False)]
        attempt = await inbox.attempt(claim, envelope(1).key, again=AT_ONCE)
        assert attempt is not None
        assert attempt.number == 2

    async def test_a_handled_event_clears_the_count_for_its_follower(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        await inbox.settle(claim, park(1, 2))
        first = await inbox.attempt(claim, envelope(1).key, again=AT_ONCE)
        assert first is not None
        await inbox.passed(claim, first.envelope)
        second = await inbox.attempt(claim, envelope(1).key, again=AT_ONCE)
        assert second is not None
        assert (first.number, second.number) == (2, 1)

    async def test_a_key_is_due_when_its_delay_is_over(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        key = envelope(1).key
        soon = StepAside(key, 1, 0, "ValueError", timedelta(milliseconds=200))
        await inbox.settle(claim, park(1, step=soon))
        assert list(await inbox.due(claim, 10)) == []

        async def due() -> bool:
            return list(await inbox.due(claim, 10)) == [(key, False)]

        await until(due)

    async def test_a_quarantined_key_is_due_only_after_redrive(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        key = envelope(1).key
        await inbox.settle(claim, park(1))
        await inbox.failed(claim, StepAside(key, 5, 0, "ValueError in x.py:9", None))
        (parked,) = await inbox.list_parked("billing")
        assert (parked.flow, parked.key, parked.retry_at) == (FLOW, key, None)
        assert (parked.attempts, parked.error) == (5, "ValueError in x.py:9")
        assert list(await inbox.due(claim, 10)) == []
        assert await (await open_inbox()).redrive("billing", key)
        assert [due for due, _ in await inbox.due(claim, 10)] == [key]
        attempt = await inbox.attempt(claim, key, again=AT_ONCE)
        assert attempt is not None
        assert attempt.number == 1

    async def test_redrive_of_a_key_that_is_not_aside_says_so(self, open_inbox: OpenInbox) -> None:
        assert not await (await open_inbox()).redrive("billing", "counter-north.a")

    async def test_a_discarded_event_lets_its_followers_go_on(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        key = envelope(1).key
        await inbox.settle(claim, park(1, 2, step=StepAside(key, 5, 0, "ValueError", None)))
        assert not await inbox.discard("billing", key, envelope(9).id, "not there")
        assert await inbox.discard("billing", key, envelope(1).id, "a test booking")
        assert list(await inbox.parked_envelopes("billing", key)) == [envelope(2)]
        assert [due for due, _ in await inbox.due(claim, 10)] == [key]

    async def test_a_follower_parked_behind_the_last_one_steps_aside_again(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        key = envelope(1).key
        await inbox.settle(claim, Progress(mark=position(1), offset=1, parked=[envelope(1)]))
        assert list(await inbox.aside(claim)) == [key]
        assert list(await inbox.due(claim, 10)) == [(key, False)]

    async def test_an_effect_that_fails_moves_nothing(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)

        async def apply(_: Any) -> None:  # Any: see Apply
            raise LookupError

        with pytest.raises(LookupError):
            await inbox.settle(claim, Progress(mark=position(1), offset=1, apply=apply))
        assert (await claimed(inbox)).mark == ""

    async def test_an_instance_is_open_from_its_start_to_its_end(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        start = envelope(1).metadata.time
        later = start + timedelta(seconds=1)
        started = Instances(started=[("saga", "x", start), ("saga", "y", later)])
        await inbox.settle(claim, Progress(mark=position(1), offset=1, instances=started))
        assert [open_.instance for open_ in await inbox.list_stuck(start)] == []
        assert [open_.instance for open_ in await inbox.list_stuck(later)] == ["x"]
        ended = Instances(ended=[("saga", "x", later)])
        await inbox.settle(claim, Progress(mark=position(2), offset=2, instances=ended))
        stuck = await inbox.list_stuck(later + timedelta(seconds=1))
        assert [(open_.process, open_.instance, open_.since) for open_ in stuck] == [
            ("saga", "y", later)
        ]

    async def test_open_instances_are_counted_by_process(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        assert list(await inbox.open_instances()) == []
        start = envelope(1).metadata.time
        later = start + timedelta(seconds=1)
        happened = Instances(
            started=[
                *(("saga", "x", start), ("saga", "y", later), ("saga", "z", later)),
                ("other", "x", later),
            ],
            ended=[("saga", "x", later)],
        )
        await inbox.settle(claim, Progress(mark=position(1), offset=1, instances=happened))
        assert list(await inbox.open_instances()) == [
            OpenInstances(process="other", count=1, oldest=later),
            OpenInstances(process="saga", count=2, oldest=later),
        ]

    async def test_an_instance_may_end_before_its_start_is_handled(
        self, open_inbox: OpenInbox
    ) -> None:
        inbox = await open_inbox()
        claim = await claimed(inbox)
        start = envelope(1).metadata.time
        await inbox.settle(claim, park(1))
        ended = Instances(ended=[("saga", "x", start)])
        await inbox.settle(claim, Progress(mark=position(2), offset=2, instances=ended))
        await inbox.passed(claim, envelope(1), instances=Instances(started=[("saga", "x", start)]))
        assert list(await inbox.list_stuck(start + timedelta(days=1))) == []

    async def test_an_end_whose_start_cannot_come_any_more_is_forgotten(
        self, open_inbox: OpenInbox
    ) -> None:
        """Many processes list an end that most instances reach without ever having begun."""
        inbox = await open_inbox()
        claim = await claimed(inbox)
        process, start = FLOW.consumer, envelope(1).metadata.time
        later = start + timedelta(days=1)
        lone = Instances(ended=[(process, "x", start)])
        await inbox.settle(claim, Progress(mark=position(1), offset=1, instances=lone))
        await inbox.settle(claim, park(2))
        waiting = Instances(ended=[(process, "y", start)])
        await inbox.settle(claim, Progress(mark=position(3), offset=3, instances=waiting))
        await inbox.passed(claim, envelope(2))
        assert await inbox.attempt(claim, envelope(2).key, again=AT_ONCE) is None
        anew = Instances(started=[(process, "x", start), (process, "y", start)])
        await inbox.settle(claim, Progress(mark=position(4), offset=4, instances=anew))
        assert {open_.instance for open_ in await inbox.list_stuck(later)} == {"x", "y"}

    async def test_positions_tell_how_far_every_flow_is(self, open_inbox: OpenInbox) -> None:
        inbox = await open_inbox()
        await inbox.settle(await claimed(inbox), park(3))
        (at,) = await inbox.positions()
        assert (at.flow, at.mark, at.offset, at.parked_keys) == (FLOW, position(3), 3, 1)

import asyncio

import pytest

from messaging import Claim, Flow, MessagingUnavailable, Terms
from messaging.memory import MemoryInbox
from messaging.pump import describe, hold
from messaging.testing import QuietWatch, until

FLOW = Flow("billing", "booking.events")


async def test_cancelling_ends_a_hold_whose_work_fails_in_that_moment() -> None:
    begun = asyncio.Event()

    async def body(_: Claim) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise MessagingUnavailable

    holding = asyncio.create_task(
        hold(MemoryInbox(), FLOW, body, holder="one", lease=Terms().lease, watch=QuietWatch())
    )
    await begun.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(holding, 1)


async def test_trouble_that_passes_is_followed_by_another_try() -> None:
    tries = 0

    async def body(_: Claim) -> None:
        nonlocal tries
        tries += 1
        raise MessagingUnavailable

    watch = QuietWatch()
    holding = asyncio.create_task(
        hold(MemoryInbox(), FLOW, body, holder="one", lease=None, watch=watch)
    )
    await until(lambda: tries >= 2)
    holding.cancel()
    await asyncio.wait([holding])
    assert set(watch.stalls) == {"MessagingUnavailable"}


async def test_what_fails_at_once_is_tried_later_and_later_until_it_has_worked_for_a_while() -> (
    None
):
    now = asyncio.get_running_loop().time
    begun, ended = list[float](), list[float]()

    async def body(_: Claim) -> None:
        begun.append(now())
        if len(begun) == 3:
            await asyncio.sleep(0.9)
        ended.append(now())
        raise MessagingUnavailable

    holding = asyncio.create_task(
        hold(MemoryInbox(), FLOW, body, holder="one", lease=None, watch=QuietWatch())
    )
    await until(lambda: len(begun) == 4)
    holding.cancel()
    await asyncio.wait([holding])
    first, second, after_work = (
        start - end for end, start in zip(ended[:3], begun[1:], strict=True)
    )
    assert second > 1.5 * first
    assert after_work < first


async def test_a_bug_in_the_machinery_is_not_tried_again() -> None:
    async def body(_: Claim) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await hold(MemoryInbox(), FLOW, body, holder="one", lease=None, watch=QuietWatch())


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1), (3, 2), (7, 32), (8, 60), (500, 60)]
)
def test_delays_double_up_to_a_minute(failures: int, seconds: float) -> None:
    assert Terms().delay(failures).total_seconds() == seconds


def test_an_error_is_described_by_its_type_and_place_and_never_by_its_text() -> None:
    with pytest.raises(ValueError, match="invalid literal") as raised:
        int("Ivan Petrov")
    told = describe(raised.value)
    assert told.startswith("ValueError in test_pump.py:")
    assert "Ivan" not in told

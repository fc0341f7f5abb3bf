"""After all journeys: the whole log keeps its promises, every view equals its events, nothing was left behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from journeys.suite import Suite, find


@pytest.mark.requirement("BKG-26")
async def test_no_doctors_time_was_given_away_twice(suite: Suite) -> None:
    assert "no double booking" in await suite.kabinet("verify", "bookings")


@pytest.mark.requirement("BIL-44")
async def test_the_money_adds_up(suite: Suite) -> None:
    assert "RUB" in await suite.kabinet("verify", "money")


@pytest.mark.requirement("OPS-01")
async def test_every_view_equals_its_events(suite: Suite) -> None:
    assert "differs" not in await suite.kabinet("verify", "views")


@pytest.mark.requirement("OPS-07")
async def test_nothing_is_parked_and_every_story_has_ended(suite: Suite) -> None:
    await _says(lambda: suite.kabinet("parked", "list"), "nothing is parked")
    await _says(lambda: suite.kabinet("stuck", "--minutes", "60"), "no story is stuck")


async def test_no_process_has_died(suite: Suite) -> None:
    now = find(suite.data)
    assert now is not None
    restarts = {name: process.restarts for name, process in now.runtime.processes.items()}
    assert set(restarts.values()) == {0}, restarts


async def _says(command: Callable[[], Awaitable[str]], wanted: str, seconds: float = 20) -> None:
    """Wait for it: what is done last may still be on its way."""
    patience = time.monotonic() + seconds
    while wanted not in (said := await command()):
        assert time.monotonic() < patience, said
        await asyncio.sleep(0.5)

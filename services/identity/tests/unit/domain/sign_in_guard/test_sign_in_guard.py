"""So many failed sign-ins in a window, then wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decider import fold
from decider.testing import Specification
from identity.domain.sign_in_guard.commands import BeginSignIn, ForgiveSignIn
from identity.domain.sign_in_guard.decider import SIGN_IN_GUARD, decide
from identity.domain.sign_in_guard.errors import TooManyAttempts
from identity.domain.sign_in_guard.events import SignInAttempted, SignInForgiven
from identity.domain.sign_in_guard.state import SignInGuard

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
MOMENT = timedelta(microseconds=1)
guard = Specification(SIGN_IN_GUARD)


def attempted(number: int, at: datetime = NOW) -> SignInAttempted:
    return SignInAttempted(attempt_id=UUID(int=number), attempted_at=at, counts_until=at + WINDOW)


begin = BeginSignIn(attempt_id=UUID(int=9), now=NOW, limit=2, window=WINDOW)


@pytest.mark.requirement("IDN-20")
def test_attempts_are_counted_up_to_the_limit() -> None:
    guard.given(attempted(1)).when(begin).then(attempted(9))
    guard.given(attempted(1), attempted(2)).when(begin).then_rejected(
        TooManyAttempts, retry_after_seconds=900
    )


@pytest.mark.requirement("IDN-20", "OPS-14")
def test_an_attempt_counts_to_the_end_of_its_window() -> None:
    history = [attempted(1), attempted(2, NOW + timedelta(minutes=5))]
    end = NOW + WINDOW
    guard.given(*history).when(replace(begin, now=end - MOMENT)).then_rejected(
        TooManyAttempts, retry_after_seconds=1
    )
    for late in (timedelta(0), MOMENT):
        guard.given(*history).when(replace(begin, now=end + late)).then(attempted(9, end + late))


@pytest.mark.requirement("IDN-20")
def test_a_right_password_is_forgiven() -> None:
    forgiven = SignInForgiven(attempt_id=UUID(int=1))
    guard.given(attempted(1)).when(ForgiveSignIn(attempt_id=UUID(int=1))).then(forgiven)
    guard.given(attempted(1), forgiven, attempted(2)).when(begin).then(attempted(9))


def test_only_the_attempt_itself_is_forgiven() -> None:
    """Or else an owner's sign-in would give a guesser new guesses."""
    forgiven = SignInForgiven(attempt_id=UUID(int=2))
    state = guard.given(attempted(1), attempted(2), forgiven).state
    assert [attempt for attempt, _ in state.attempts] == [UUID(int=1)]


def test_nothing_is_forgiven_twice() -> None:
    guard.given().when(ForgiveSignIn(attempt_id=UUID(int=1))).then_nothing()


def test_a_limit_that_was_lowered_waits_until_there_is_room() -> None:
    history = [attempted(n, NOW + timedelta(minutes=n)) for n in range(3)]
    later = NOW + timedelta(minutes=3)
    guard.given(*history).when(replace(begin, now=later, limit=1)).then_rejected(
        TooManyAttempts, retry_after_seconds=14 * 60
    )


@given(st.lists(st.integers(min_value=0, max_value=3000), max_size=40), st.integers(1, 5))
def test_never_more_than_the_limit_count_at_once(gaps: list[int], limit: int) -> None:
    state, now = SignInGuard(), NOW
    for number, gap in enumerate(gaps):
        now += timedelta(seconds=gap)
        command = BeginSignIn(attempt_id=UUID(int=number), now=now, limit=limit, window=WINDOW)
        try:
            state = fold(SIGN_IN_GUARD, decide(command, state), state)
        except TooManyAttempts as refusal:
            again = replace(command, now=now + timedelta(seconds=refusal.retry_after_seconds))
            assert decide(again, state)
        assert sum(until > now for _, until in state.attempts) <= limit
        assert len(state.attempts) <= limit

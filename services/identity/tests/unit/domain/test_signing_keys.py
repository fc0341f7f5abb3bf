"""When a signing key is made, signs, and is taken back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.signing_keys import KeyPlan, Rotation

START = datetime(2026, 11, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
rotation = Rotation(
    period=timedelta(days=30), lead=timedelta(minutes=10), token_life=timedelta(minutes=15)
)
first = KeyPlan(key_id=UUID(int=1), made_at=START, signs_from=START)
CHANGE = START + timedelta(days=30)
second = KeyPlan(key_id=UUID(int=2), made_at=CHANGE - timedelta(minutes=10), signs_from=CHANGE)
both = [first, second]


def test_the_first_key_signs_at_once() -> None:
    assert rotation.successor_signs_from([], START) == START


def test_a_successor_is_made_before_it_is_needed() -> None:
    due = CHANGE - timedelta(minutes=10)
    assert rotation.successor_signs_from([first], due - MOMENT) is None
    assert rotation.successor_signs_from([first], due) == CHANGE
    assert rotation.successor_signs_from([first], due + MOMENT) == CHANGE + MOMENT
    assert rotation.successor_signs_from(both, due) is None


def test_a_key_that_comes_late_is_known_before_it_signs_all_the_same() -> None:
    late = CHANGE + timedelta(days=100)
    assert rotation.successor_signs_from([first], late) == late + timedelta(minutes=10)


def test_a_key_signs_until_its_successor_does() -> None:
    assert rotation.signing(both, CHANGE - MOMENT) == first
    assert rotation.signing(both, CHANGE) == second
    assert rotation.signing(both, CHANGE + MOMENT) == second


def test_a_clock_that_was_set_back_still_finds_a_key() -> None:
    assert rotation.signing(both, START - timedelta(days=1)) == first


def test_a_key_is_published_until_the_last_token_that_it_signed_has_expired() -> None:
    end = CHANGE + timedelta(minutes=15)
    assert rotation.retired(both, end - MOMENT) == []
    assert rotation.retired(both, end) == [first]
    assert rotation.retired(both, end + MOMENT) == [first]
    assert rotation.retired([first], end) == []

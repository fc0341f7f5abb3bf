"""When one looks: soon, then more and more seldom, and at the very end."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.timers.pace import growing

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.requirement("BIL-17")
def test_pauses_double_up_to_the_longest_and_end_at_the_end() -> None:
    instants = growing(
        NOW,
        NOW + timedelta(seconds=100),
        first=timedelta(seconds=10),
        longest=timedelta(seconds=30),
    )
    assert [(instant - NOW).total_seconds() for instant in instants] == [10, 30, 60, 90, 100]


def test_a_short_wait_has_one_look() -> None:
    end = NOW + timedelta(seconds=5)
    assert growing(NOW, end, first=timedelta(seconds=10), longest=timedelta(seconds=30)) == (end,)

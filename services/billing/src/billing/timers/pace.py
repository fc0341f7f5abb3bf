"""How often one looks: soon at first, then more and more seldom."""

from datetime import datetime, timedelta

__all__ = ["growing"]


def growing(
    start: datetime, end: datetime, *, first: timedelta, longest: timedelta
) -> tuple[datetime, ...]:
    """Instants after `start` with doubling pauses up to `longest`; the last one is `end`."""
    instants = []
    pause, instant = first, start + first
    while instant < end:
        instants.append(instant)
        pause = min(2 * pause, longest)
        instant += pause
    return (*instants, end)

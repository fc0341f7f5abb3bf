"""Times that a request may name: what calendars of this century can be reckoned with."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

__all__ = ["Instant", "StartDate", "WallTime"]

_FROM: Final = date(2000, 1, 1)
_BEFORE: Final = date(2100, 1, 1)


def _without_offset(wall: time) -> time:
    if wall.tzinfo is not None:
        raise ValueError("a wall time is that of the branch's clocks")
    return wall


def _of_this_century(day: date) -> date:
    """Reckoning a week on, or in another zone, never leaves the calendar then."""
    if not _FROM <= day < _BEFORE:
        raise ValueError(f"from {_FROM} on, and before {_BEFORE}")
    return day


def _instant(moment: datetime) -> datetime:
    if not _FROM.year <= moment.year < _BEFORE.year:
        raise ValueError(f"from {_FROM} on, and before {_BEFORE}")
    return moment.astimezone(UTC)


WallTime = Annotated[time, AfterValidator(_without_offset)]
StartDate = Annotated[date, AfterValidator(_of_this_century)]
Instant = Annotated[AwareDatetime, AfterValidator(_instant)]

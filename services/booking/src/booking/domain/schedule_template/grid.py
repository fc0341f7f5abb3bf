"""From ticked cells to slots (BKG-58): pure calendar arithmetic."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from booking.domain.doctor_day.events import Slot
from booking.domain.schedule_template.events import Template
from vocabulary.zone import Occurrence, local_day, local_to_utc, occurrence

__all__ = ["CELL_MINUTES", "days", "expand", "offers_on", "overlap"]

CELL_MINUTES = 15
_DAY_MINUTES = 24 * 60
_WEEK = 7


def expand(template: Template, day: date) -> tuple[Slot, ...]:
    """The slots of a local date.

    Where clocks are set forward, cells that the clocks never show are not offered; where they are set back, a cell
    that they show twice is offered once, the first time. A slot is as long as its step by the clock, but never
    reaches into the next slot or out of the working day.
    """
    if not offers_on(template, day):
        return ()
    starts: list[tuple[datetime, timedelta]] = []
    for begin, end in _wall_slots(template):
        wall = time(*divmod(begin, 60))
        if occurrence(day, wall, template.zone) is not Occurrence.NEVER:
            starts.append((local_to_utc(day, wall, template.zone), timedelta(minutes=end - begin)))
    limits = [*(start for start, _ in starts[1:]), _working_day_ends(template, day)]
    return tuple(
        Slot(starts_at=start, ends_at=min(start + length, limit), kinds=template.kinds)
        for (start, length), limit in zip(starts, limits, strict=False)
    )


def offers_on(template: Template, day: date) -> bool:
    """Whether the template is for this date."""
    return template.valid_from <= day <= template.valid_to and day.isoweekday() in template.weekdays


def overlap(one: Template, other: Template) -> bool:
    """Whether there is a date on which both offer some of the same time."""
    return _share_a_day(one, other) and any(
        begin < other_end and other_begin < end
        for begin, end in _wall_slots(one)
        for other_begin, other_end in _wall_slots(other)
    )


def days(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included; none when they are the wrong way round."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def minutes(wall: time) -> int:
    """Minutes since midnight by the clock."""
    return wall.hour * 60 + wall.minute


def working_day_minutes(template: Template) -> int:
    """The end of the working day in minutes since midnight."""
    return _DAY_MINUTES if template.day_ends_at is None else minutes(template.day_ends_at)


def _wall_slots(template: Template) -> Sequence[tuple[int, int]]:
    """Begin and end of each slot in minutes since midnight by the clock."""
    ticked = sorted(minutes(cell) for cell in template.cells)
    slots = list(pairwise(ticked))
    if ticked:
        step = slots[-1][1] - slots[-1][0] if slots else CELL_MINUTES
        slots.append((ticked[-1], min(ticked[-1] + step, working_day_minutes(template))))
    return slots


def _share_a_day(one: Template, other: Template) -> bool:
    first = max(one.valid_from, other.valid_from)
    last = min(one.valid_to, other.valid_to, first + timedelta(days=_WEEK - 1))
    return any(offers_on(one, day) and offers_on(other, day) for day in days(first, last))


def _working_day_ends(template: Template, day: date) -> datetime:
    if template.day_ends_at is None:
        return local_day(day, template.zone).end
    return local_to_utc(day, template.day_ends_at, template.zone)

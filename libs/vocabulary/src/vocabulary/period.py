"""A stretch of time between two instants."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vocabulary.errors import InvalidValue


class InvalidPeriod(InvalidValue):
    """The bounds are not aware UTC instants, or the end is not after the start."""

    code = "PERIOD_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Period:
    """From `start` up to but without `end`, both aware instants in UTC, `start < end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0) or self.end.utcoffset() != timedelta(0):
            raise InvalidPeriod("a period is bounded by aware instants in UTC")
        if self.start >= self.end:
            raise InvalidPeriod("a period ends after it starts")

    @property
    def duration(self) -> timedelta:
        """The length, always positive."""
        return self.end - self.start

    def overlaps(self, other: "Period") -> bool:
        """Whether the two share an instant; periods that only touch do not."""
        return self.start < other.end and other.start < self.end

    def contains(self, instant: datetime) -> bool:
        """Whether the instant lies within; the start does, the end does not."""
        return self.start <= instant < self.end

    def covers(self, other: "Period") -> bool:
        """Whether the whole of `other` lies within this period."""
        return self.start <= other.start and other.end <= self.end

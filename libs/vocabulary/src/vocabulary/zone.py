"""Time zones: wall times of a branch to instants and back."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vocabulary.errors import InvalidValue
from vocabulary.period import Period

ZoneId = NewType("ZoneId", str)
"""The name of a zone in the IANA data base, such as "Europe/Moscow"."""


class InvalidZone(InvalidValue):
    """The IANA data base has no such zone."""

    code = "ZONE_INVALID"


class Occurrence(StrEnum):
    """How often a wall time is shown by the clocks of a zone on one day."""

    ONCE = "ONCE"
    TWICE = "TWICE"
    NEVER = "NEVER"


def zone_id(text: str) -> ZoneId:
    """Check the name of a zone; raises `InvalidZone`."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise InvalidZone("unknown time zone") from unknown
    return ZoneId(text)


def local_to_utc(day: date, wall: time, zone: ZoneId) -> datetime:
    """The instant at which the clocks of `zone` show `wall` on `day`.

    A wall time shown twice (clocks set back) means the first; one never shown (clocks set
    forward) moves forward by the length of the gap. Both follow from `fold=0` of PEP 495.
    """
    local = datetime.combine(day, wall.replace(tzinfo=None, fold=0), ZoneInfo(zone))
    return local.astimezone(UTC)


def occurrence(day: date, wall: time, zone: ZoneId) -> Occurrence:
    """Whether the clocks of `zone` show `wall` on `day` once, twice or never."""
    first = datetime.combine(day, wall.replace(tzinfo=None, fold=0), ZoneInfo(zone))
    second = first.replace(fold=1)
    # PEP 495: the offset with fold=0 is the one before a change, with fold=1 the one after it.
    before, after = _offset(first), _offset(second)
    if before == after:
        return Occurrence.ONCE
    return Occurrence.TWICE if before > after else Occurrence.NEVER


def utc_to_local(instant: datetime, zone: ZoneId) -> datetime:
    """The same instant as an aware datetime that reads like the clocks of `zone`."""
    if instant.tzinfo is None:
        raise ValueError("an instant must be aware")
    return instant.astimezone(ZoneInfo(zone))


def local_day(day: date, zone: ZoneId) -> Period:
    """The calendar day of `zone`: 23 to 25 hours long where clocks change."""
    midnight = time()
    return Period(
        start=local_to_utc(day, midnight, zone),
        end=local_to_utc(day + timedelta(days=1), midnight, zone),
    )


def offset_label(instant: datetime, zone: ZoneId) -> str:
    """How far `zone` is from UTC at `instant`, such as "UTC+3", "UTC+5:30", "UTC-4" or "UTC"."""
    minutes = round(_offset(utc_to_local(instant, zone)) / timedelta(minutes=1))
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "-"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta(0)

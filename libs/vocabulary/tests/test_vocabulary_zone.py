"""Wall times and instants, on days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.zone import (
    InvalidZone,
    Occurrence,
    ZoneId,
    local_day,
    local_to_utc,
    occurrence,
    offset_label,
    utc_to_local,
    zone_id,
)

BERLIN = zone_id("Europe/Berlin")
MOSCOW = zone_id("Europe/Moscow")
RUSSIAN = [
    zone_id(place)
    for place in [
        "Europe/Kaliningrad",
        "Europe/Moscow",
        "Europe/Samara",
        "Asia/Yekaterinburg",
        "Asia/Omsk",
        "Asia/Krasnoyarsk",
        "Asia/Irkutsk",
        "Asia/Yakutsk",
        "Asia/Vladivostok",
        "Asia/Magadan",
        "Asia/Kamchatka",
    ]
]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type] # year to minute


@pytest.mark.parametrize("text", ["", "Europe/Petushki", "../etc/passwd", "/etc/passwd", "a\0b"])
def test_an_unknown_zone_is_refused(text: str) -> None:
    with pytest.raises(InvalidZone):
        zone_id(text)


def test_berlin_sets_clocks_forward_and_a_time_never_shown_moves_with_them() -> None:
    day = date(2026, 3, 29)
    assert local_to_utc(day, time(1, 59), BERLIN) == utc(2026, 3, 29, 0, 59)
    assert local_to_utc(day, time(2, 30), BERLIN) == utc(2026, 3, 29, 1, 30)
    assert utc_to_local(utc(2026, 3, 29, 1, 30), BERLIN).time() == time(3, 30)
    assert local_to_utc(day, time(3, 0), BERLIN) == utc(2026, 3, 29, 1, 0)
    seen = [occurrence(day, at, BERLIN) for at in (time(1, 59), time(2), time(2, 59), time(3))]
    assert seen == [Occurrence.ONCE, Occurrence.NEVER, Occurrence.NEVER, Occurrence.ONCE]


def test_berlin_sets_clocks_back_and_a_time_shown_twice_is_the_first() -> None:
    day = date(2026, 10, 25)
    assert local_to_utc(day, time(2, 30), BERLIN) == utc(2026, 10, 25, 0, 30)
    assert local_to_utc(day, time(2, 30, fold=1), BERLIN) == utc(2026, 10, 25, 0, 30)
    assert local_to_utc(day, time(3, 0), BERLIN) == utc(2026, 10, 25, 2, 0)
    seen = [occurrence(day, at, BERLIN) for at in (time(1, 59), time(2), time(2, 59), time(3))]
    assert seen == [Occurrence.ONCE, Occurrence.TWICE, Occurrence.TWICE, Occurrence.ONCE]


def test_moscow_left_permanent_summer_time() -> None:
    day = date(2014, 10, 26)
    assert local_to_utc(day, time(0, 59), MOSCOW) == utc(2014, 10, 25, 20, 59)
    assert local_to_utc(day, time(1, 30), MOSCOW) == utc(2014, 10, 25, 21, 30)
    assert local_to_utc(day, time(2, 0), MOSCOW) == utc(2014, 10, 25, 23, 0)
    assert occurrence(day, time(1, 30), MOSCOW) is Occurrence.TWICE
    assert offset_label(utc(2014, 10, 25, 21, 59), MOSCOW) == "UTC+4"
    assert offset_label(utc(2014, 10, 25, 22, 0), MOSCOW) == "UTC+3"


def test_a_day_has_the_hours_its_clocks_show() -> None:
    assert local_day(date(2026, 3, 29), BERLIN).duration == timedelta(hours=23)
    assert local_day(date(2026, 3, 30), BERLIN).duration == timedelta(hours=24)
    assert local_day(date(2026, 10, 25), BERLIN).duration == timedelta(hours=25)


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("Europe/Moscow", "UTC+3"),
        ("Asia/Kolkata", "UTC+5:30"),
        ("America/St_Johns", "UTC-3:30"),
        ("America/New_York", "UTC-5"),
        ("UTC", "UTC"),
    ],
)
def test_the_offset_is_named(zone: str, label: str) -> None:
    assert offset_label(utc(2026, 1, 15, 12), zone_id(zone)) == label


@given(
    st.dates(min_value=date(1992, 1, 1), max_value=date(2040, 12, 31)),
    st.times(),
    st.sampled_from([*RUSSIAN, BERLIN]),
)
def test_a_wall_time_that_is_shown_reads_the_same_at_its_instant(
    day: date, wall: time, zone: ZoneId
) -> None:
    local = utc_to_local(local_to_utc(day, wall, zone), zone)
    shown = (local.date(), local.time()) == (day, wall)
    assert shown == (occurrence(day, wall, zone) is not Occurrence.NEVER)
    assert local_day(day, zone).contains(local_to_utc(day, wall, zone))


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        utc_to_local(utc(2026, 1, 1).replace(tzinfo=None), MOSCOW)

"""From ticked cells to slots, also on days on which clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.domain.details import AppointmentKind
from booking.domain.schedule_template.events import Template
from booking.domain.schedule_template.grid import days, expand, overlap
from vocabulary.ids import BranchId, ClinicianId
from vocabulary.zone import ZoneId

TUESDAY = date(2026, 12, 1)
BERLIN_FORWARD, BERLIN_BACK = date(2027, 3, 28), date(2026, 10, 25)

moscow = Template(
    name="Weekdays",
    clinician_id=ClinicianId(UUID(int=3)),
    branch_id=BranchId(UUID(int=4)),
    zone=ZoneId("Europe/Moscow"),
    kinds=(AppointmentKind.ONLINE,),
    valid_from=date(2026, 1, 1),
    valid_to=date(2027, 12, 31),
    weekdays=(1, 2, 3, 4, 5),
    first_at=time(9),
    last_at=time(12),
    cells=(time(9), time(9, 30), time(10), time(10, 45), time(11, 30)),
)
berlin_night = replace(
    moscow,
    zone=ZoneId("Europe/Berlin"),
    weekdays=(7,),
    first_at=time(1),
    last_at=time(4),
    cells=tuple(time(hour, minute) for hour in (1, 2, 3) for minute in (0, 30)),
)


def local(template: Template, day: date) -> list[str]:
    zone = ZoneInfo(template.zone)
    return [
        f"{slot.starts_at.astimezone(zone):%H:%M}-{slot.ends_at.astimezone(zone):%H:%M}"
        for slot in expand(template, day)
    ]


@pytest.mark.requirement("BKG-58")
def test_a_slot_lasts_until_the_next_ticked_cell_and_the_last_as_long_as_the_step_before() -> None:
    assert local(moscow, TUESDAY) == [
        "09:00-09:30",
        "09:30-10:00",
        "10:00-10:45",
        "10:45-11:30",
        "11:30-12:15",
    ]


@pytest.mark.requirement("BKG-58")
def test_only_ticked_cells_become_slots() -> None:
    assert expand(replace(moscow, cells=()), TUESDAY) == ()
    assert local(replace(moscow, cells=(time(9, 15),)), TUESDAY) == ["09:15-09:30"]


@pytest.mark.requirement("BKG-58", "BKG-59")
@pytest.mark.parametrize(
    ("ends", "last"),
    [
        (time(11, 45), "11:30-11:45"),
        (time(12), "11:30-12:00"),
        (time(12, 15), "11:30-12:15"),
        (time(12, 30), "11:30-12:15"),
    ],
)
def test_the_last_slot_ends_with_the_working_day_at_the_latest(ends: time, last: str) -> None:
    assert local(replace(moscow, day_ends_at=ends), TUESDAY)[-1] == last


def test_no_slot_reaches_into_the_next_day() -> None:
    late = replace(moscow, last_at=time(23, 45), cells=(time(22), time(23, 30)))
    assert local(late, TUESDAY) == ["22:00-23:30", "23:30-00:00"]


@pytest.mark.requirement("BKG-57")
@pytest.mark.parametrize(
    ("day", "offered"),
    [
        (TUESDAY - timedelta(days=1), False),
        (TUESDAY, True),
        (TUESDAY + timedelta(days=2), True),
        (TUESDAY + timedelta(days=3), False),
    ],
)
def test_a_template_offers_within_its_dates_both_included(day: date, offered: bool) -> None:
    bounded = replace(moscow, valid_from=TUESDAY, valid_to=TUESDAY + timedelta(days=2))
    assert bool(expand(bounded, day)) is offered


@pytest.mark.requirement("BKG-57")
def test_a_template_offers_on_its_weekdays() -> None:
    mondays = replace(moscow, weekdays=(1,))
    week = days(TUESDAY, TUESDAY + timedelta(days=6))
    assert [day.isoweekday() for day in week if expand(mondays, day)] == [1]


@pytest.mark.requirement("BKG-58")
def test_where_clocks_are_set_forward_the_cells_of_the_gap_are_not_offered() -> None:
    assert local(berlin_night, BERLIN_FORWARD) == [
        "01:00-01:30",
        "01:30-03:00",
        "03:00-03:30",
        "03:30-04:00",
    ]
    slots = expand(berlin_night, BERLIN_FORWARD)
    assert all(slot.ends_at - slot.starts_at == timedelta(minutes=30) for slot in slots)
    assert slots[2].starts_at == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


@pytest.mark.requirement("BKG-58")
def test_where_clocks_are_set_back_a_cell_shown_twice_is_offered_once() -> None:
    slots = expand(berlin_night, BERLIN_BACK)
    assert [slot.starts_at for slot in slots] == [
        datetime(2026, 10, 24, 23, 0, tzinfo=UTC),
        datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
    ]
    assert all(slot.ends_at - slot.starts_at == timedelta(minutes=30) for slot in slots)


@pytest.mark.requirement("BKG-58")
def test_a_long_step_over_a_gap_does_not_reach_into_the_next_slot() -> None:
    two_hours = replace(berlin_night, cells=(time(1), time(3)))
    assert local(two_hours, BERLIN_FORWARD) == ["01:00-03:00", "03:00-05:00"]


def test_the_days_around_a_change_are_ordinary() -> None:
    every_day = replace(berlin_night, weekdays=(1, 2, 3, 4, 5, 6, 7))
    for change in (BERLIN_FORWARD, BERLIN_BACK):
        for day in (change - timedelta(days=1), change + timedelta(days=1)):
            assert local(every_day, day)[2:4] == ["02:00-02:30", "02:30-03:00"]


@pytest.mark.parametrize(
    ("cells", "overlapping"),
    [
        ((time(12, 15),), False),
        ((time(12),), True),
        ((time(8, 45),), False),
        ((time(8), time(8, 45)), True),
    ],
)
def test_templates_overlap_by_their_slots_not_their_hours(
    cells: tuple[time, ...], overlapping: bool
) -> None:
    other = replace(moscow, cells=cells)
    assert overlap(moscow, other) is overlapping
    assert overlap(other, moscow) is overlapping


def test_templates_without_a_common_day_do_not_overlap() -> None:
    assert not overlap(moscow, replace(moscow, weekdays=(6, 7)))
    later = replace(moscow, valid_from=date(2028, 1, 1), valid_to=date(2028, 2, 1))
    assert not overlap(moscow, later)
    one_monday = replace(moscow, valid_from=date(2026, 11, 30), valid_to=date(2026, 11, 30))
    assert overlap(moscow, one_monday)
    assert not overlap(replace(moscow, weekdays=(2,)), one_monday)


quarters = st.integers(0, 95).map(lambda quarter: time(*divmod(quarter * 15, 60)))
zones = st.sampled_from(["Europe/Moscow", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"])


@given(
    cells=st.frozensets(quarters, max_size=12),
    zone=zones,
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
def test_slots_of_a_day_never_overlap_and_last_at_least_15_minutes(
    cells: frozenset[time], zone: str, day: date
) -> None:
    template = replace(
        moscow, zone=ZoneId(zone), cells=tuple(cells), weekdays=(1, 2, 3, 4, 5, 6, 7)
    )
    slots = expand(template, day)
    for slot in slots:
        assert slot.ends_at - slot.starts_at >= timedelta(minutes=15)
        assert slot.starts_at.astimezone(ZoneInfo(zone)).date() == day
    for slot, following in pairwise(slots):
        assert slot.ends_at <= following.starts_at

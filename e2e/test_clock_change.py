"""A visit in the night in which the clocks of its branch change: slots, the 120 minutes and reminders hold."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from journeys.clinic import open_clinic
from journeys.suite import Suite, utc
from journeys.visit import DAY, cancel, free_slots, register, reserve_and_pay

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = (0, 8)
WINDOW = timedelta(minutes=120)
A_MOMENT = timedelta(seconds=40)


@pytest.mark.requirement(
    "GW-26", "BKG-18", "BKG-50", "BKG-58", "BKG-65", "BIL-42", "NTF-11", "OPS-14"
)
async def test_the_rules_hold_across_the_night_in_which_the_clocks_change(
    suite: Suite, http: httpx.AsyncClient
) -> None:
    change = _next_change(suite.now())
    night = change.astimezone(BERLIN).date()
    await suite.forward_to(change - 3 * DAY)
    clinic = await open_clinic(suite, http, zone="Europe/Berlin", hours=HOURS)
    in_time, too_late = await register(suite, http), await register(suite, http)

    for day in (night - timedelta(days=1), night, night + timedelta(days=1)):
        slots = await free_slots(in_time.person, clinic, _noon(day))
        assert [utc(slot["starts_at"]) for slot in slots] == list(_cells(day))
        for slot in slots:
            local = utc(slot["starts_at"]).astimezone(BERLIN)
            assert slot["starts_at"] == local.isoformat()
            assert slot["zone"] == "Europe/Berlin"
            assert slot["zone_label"] == f"UTC+{_hours_ahead(local)}"
            assert (
                timedelta(0) < utc(slot["ends_at"]) - utc(slot["starts_at"]) <= timedelta(hours=1)
            )

    # Less than two hours after the change: the window closes before it.
    slots = await free_slots(in_time.person, clinic, _noon(night))
    after = [slot for slot in slots if utc(slot["starts_at"]) >= change + timedelta(minutes=30)]
    first = await reserve_and_pay(suite, in_time, clinic, after[0]["starts_at"])
    second = await reserve_and_pay(suite, too_late, clinic, after[1]["starts_at"])
    assert utc(first["starts_at"]) - WINDOW < change < utc(first["starts_at"])

    due = utc(first["starts_at"]) - DAY
    await suite.forward_to(due)
    reminder = await in_time.mailbox.letter("Напоминание")
    wall = utc(first["starts_at"]).astimezone(BERLIN)
    assert f"{wall:%H:%M} (UTC+{_hours_ahead(wall)})" in reminder["text"]
    [sent_at] = await _reminded(suite, first)
    assert due <= sent_at < utc(second["starts_at"]) - DAY
    # Timers fire in order: a reminder of the later visit that is an hour early would be here by now.
    assert await _reminded(suite, second) == []

    await suite.forward_to(utc(first["starts_at"]) - WINDOW - A_MOMENT)
    await in_time.person.sign_in()
    kept = await cancel(in_time.person, first["appointment_id"])
    assert kept["refund_eligible"]
    await suite.forward_to(utc(second["starts_at"]) - WINDOW + timedelta(seconds=1))
    await too_late.person.sign_in()
    lost = await cancel(too_late.person, second["appointment_id"])
    assert not lost["refund_eligible"]
    await too_late.mailbox.letter("оплата не возвращается")
    [sent_at] = await _reminded(suite, second)
    assert sent_at >= utc(second["starts_at"]) - DAY


def _next_change(now: datetime) -> datetime:
    """The next instant, far enough ahead, at which the clocks of Berlin change."""
    hour = (now + 5 * DAY).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while _hours_ahead(hour.astimezone(BERLIN)) == _hours_ahead(
        (hour + timedelta(hours=1)).astimezone(BERLIN)
    ):
        hour += timedelta(hours=1)
    return hour + timedelta(hours=1)


def _cells(day: date) -> Iterator[datetime]:
    """The instants at which the clocks show the cells of the schedule: each once, and never what they leave out."""
    for hour in range(*HOURS):
        for minute in (0, 30):
            wall = datetime.combine(day, time(hour, minute), BERLIN)
            instant = wall.astimezone(UTC)
            if instant.astimezone(BERLIN).replace(tzinfo=None) == wall.replace(tzinfo=None):
                yield instant


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), BERLIN)


def _hours_ahead(local: datetime) -> int:
    return int((local.utcoffset() or timedelta(0)) / timedelta(hours=1))


async def _reminded(suite: Suite, appointment: dict[str, Any]) -> list[datetime]:
    """When reminders of an appointment became due, as the log has it."""
    story = await suite.timeline(appointment["appointment_id"])
    return [utc(entry["time"]) for entry in story if entry["type"].startswith("ReminderDue.")]

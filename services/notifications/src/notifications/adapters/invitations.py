"""A meeting as iCalendar (RFC 5545), sent as RFC 5546 wants it: one UID for ever, a growing SEQUENCE."""

from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress

from notifications.application.wording import Meeting

__all__ = ["invitation"]


def invitation(
    meeting: Meeting, *, organizer: str, attendee: str, link: str | None, now: datetime
) -> bytes:
    """The .ics file; `organizer` and `attendee` are e-mail addresses. Times are UTC, so no zone has to be described."""
    cancelled = meeting.method == "CANCEL"
    event = Event()
    event.add("UID", f"{meeting.appointment_id}@{organizer.rpartition('@')[2]}")
    event.add("DTSTAMP", now.astimezone(UTC))
    event.add("SEQUENCE", meeting.sequence)
    event.add("STATUS", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("DTSTART", meeting.starts_at.astimezone(UTC))
    event.add("DTEND", meeting.ends_at.astimezone(UTC))
    event.add("SUMMARY", meeting.summary)
    event.add("LOCATION", meeting.place)
    if link:
        event.add("URL", link)
    event.add("ORGANIZER", vCalAddress(f"mailto:{organizer}"))
    event.add("ATTENDEE", vCalAddress(f"mailto:{attendee}"))
    calendar = Calendar()
    calendar.add("PRODID", "-//Kabinet//Notifications//RU")
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", meeting.method)
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written

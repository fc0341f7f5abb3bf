"""What a clinic settles for itself about messages; every change is an event with its version."""

from dataclasses import dataclass

__all__ = ["NotificationPolicies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPolicies:
    """Defaults as in the requirements: reminders a day and an hour before (NTF-11), a feed of 7 days (NTF-03)."""

    reminder_minutes: tuple[int, ...] = (24 * 60, 60)
    feed_days: int = 7

    def __post_init__(self) -> None:
        if len(self.reminder_minutes) > 10 or any(m <= 0 for m in self.reminder_minutes):
            raise ValueError("at most ten reminders, each a positive number of minutes before")
        if self.feed_days <= 0:
            raise ValueError("a feed has at least one day")

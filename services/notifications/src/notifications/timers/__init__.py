"""What notifications does when a moment comes."""

from notifications.timers.reminders import REMINDERS

__all__ = ["DEADLINES"]

DEADLINES = (REMINDERS,)

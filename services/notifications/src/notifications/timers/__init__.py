"""What notifications does when a moment comes."""

from notifications.timers.reminders import REMINDERS
from timers import timers_view

__all__ = ["DEADLINES", "TIMERS"]

DEADLINES = (REMINDERS,)
TIMERS = timers_view(DEADLINES)

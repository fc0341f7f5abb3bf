"""What notifications does when a moment comes."""

from notifications.timers.cancellations import CANCELLATIONS
from notifications.timers.reminders import REMINDERS

__all__ = ["DEADLINES"]

DEADLINES = (REMINDERS, CANCELLATIONS)

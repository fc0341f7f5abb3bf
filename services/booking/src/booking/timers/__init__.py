"""What booking does when a moment comes."""

from booking.timers.hold_expiry import HOLD_EXPIRY
from booking.timers.schedule_roll import SCHEDULE_ROLL
from timers import timers_view

__all__ = ["DEADLINES", "TIMERS"]

DEADLINES = (HOLD_EXPIRY, SCHEDULE_ROLL)
TIMERS = timers_view(DEADLINES)

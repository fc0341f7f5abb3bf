"""What booking does when a moment comes."""

from booking.timers.hold_expiry import HOLD_EXPIRY
from booking.timers.schedule_roll import SCHEDULE_ROLL

__all__ = ["DEADLINES"]

DEADLINES = (HOLD_EXPIRY, SCHEDULE_ROLL)

"""What conclusions does when a moment comes."""

from conclusions.timers.signing_retry import SIGNING_RETRY
from timers import timers_view

__all__ = ["DEADLINES", "TIMERS"]

DEADLINES = (SIGNING_RETRY,)
TIMERS = timers_view(DEADLINES)

"""What conclusions does when a moment comes."""

from conclusions.timers.signing_retry import SIGNING_RETRY

__all__ = ["DEADLINES"]

DEADLINES = (SIGNING_RETRY,)

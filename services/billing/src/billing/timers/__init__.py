"""What happens because time has passed."""

from billing.timers import payment_check, refund_check, refund_retry
from timers import timers_view

__all__ = ["DEADLINES", "TIMERS"]

DEADLINES = (payment_check.DEADLINE, refund_check.DEADLINE, refund_retry.DEADLINE)
TIMERS = timers_view(DEADLINES)

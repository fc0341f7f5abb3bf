"""What happens because time has passed."""

from billing.timers import payment_check, refund_check, refund_retry

__all__ = ["DEADLINES"]

DEADLINES = (payment_check.DEADLINE, refund_check.DEADLINE, refund_retry.DEADLINE)

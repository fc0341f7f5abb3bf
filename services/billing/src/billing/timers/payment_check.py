"""Poll the provider while a payment is open, and for a while after it has expired (BIL-17)."""

from datetime import timedelta

from billing.application.checks import CheckPayment
from billing.domain.payment.events import (
    PaymentCancelled,
    PaymentFailed,
    PaymentStarted,
    PaymentSucceeded,
)
from billing.timers.pace import growing
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed

__all__ = ["DEADLINE"]

FIRST, LONGEST = timedelta(seconds=10), timedelta(minutes=5)
FIRST_LATE, LONGEST_LATE = timedelta(minutes=1), timedelta(minutes=20)


def looks(event: PaymentStarted, fact: Fact) -> Due:
    """The look at the end of its time is the one that lets it expire; the later ones look for late money."""
    waiting = growing(event.started_at, event.expires_at, first=FIRST, longest=LONGEST)
    late = growing(event.expires_at, event.watched_until, first=FIRST_LATE, longest=LONGEST_LATE)
    return Due(key=fact.stream_key, at=(*waiting, *late))


def check(elapsed: Elapsed) -> Dispatch:
    return Dispatch(to="payment_checks", key=elapsed.key, command=CheckPayment(now=elapsed.now))


DEADLINE = Deadline(
    name="payment_check",
    sets={PaymentStarted: looks},
    cancels={
        kind: lambda _, fact: fact.stream_key
        for kind in (PaymentSucceeded, PaymentFailed, PaymentCancelled)
    },
    fire=check,
)

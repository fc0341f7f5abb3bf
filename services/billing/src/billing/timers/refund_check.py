"""Poll the provider while it decides about a refund, and show it to a person when it does not (BIL-44)."""

from datetime import timedelta

from billing.application.checks import CheckRefund
from billing.domain.refund.events import (
    RefundFailed,
    RefundSubmitted,
    RefundSucceeded,
    RefundTryFailed,
)
from billing.timers.pace import growing
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed

__all__ = ["DEADLINE"]

FIRST, LONGEST = timedelta(seconds=15), timedelta(hours=6)


def looks(event: RefundSubmitted, fact: Fact) -> Due:
    at = growing(event.submitted_at, event.overdue_at, first=FIRST, longest=LONGEST)
    return Due(key=fact.stream_key, at=at)


def check(elapsed: Elapsed) -> Dispatch:
    return Dispatch(to="refund_checks", key=elapsed.key, command=CheckRefund(now=elapsed.now))


DEADLINE = Deadline(
    name="refund_check",
    sets={RefundSubmitted: looks},
    cancels={
        kind: lambda _, fact: fact.stream_key
        for kind in (RefundSucceeded, RefundTryFailed, RefundFailed)
    },
    fire=check,
)

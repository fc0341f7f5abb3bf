"""Begin the next try of a refund when its pause is over (BIL-44)."""

from billing.domain.refund.commands import RetryRefund
from billing.domain.refund.events import RefundRetried, RefundSucceeded, RefundTryFailed
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed

__all__ = ["DEADLINE"]


def pause_ends(event: RefundTryFailed, fact: Fact) -> Due:
    return Due(key=fact.stream_key, at=event.retry_at)


def retry(elapsed: Elapsed) -> Dispatch:
    return Dispatch(to="refunds", key=elapsed.key, command=RetryRefund(now=elapsed.now))


DEADLINE = Deadline(
    name="refund_retry",
    sets={RefundTryFailed: pause_ends},
    cancels={kind: lambda _, fact: fact.stream_key for kind in (RefundRetried, RefundSucceeded)},
    fire=retry,
)

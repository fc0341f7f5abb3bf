"""Rules of a refund: once, in full, tried again until a person has to look (BIL-44)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from billing.domain.refund.commands import (
    ConfirmRefund,
    EscalateRefund,
    FailRefund,
    RefundCommand,
    RegisterProviderRefund,
    RequestRefund,
    RetryRefund,
)
from billing.domain.refund.errors import RefundedAnotherAmount, RefundNotFound
from billing.domain.refund.events import (
    RefundEvent,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSubmitted,
    RefundSucceeded,
    RefundTryFailed,
)
from billing.domain.refund.state import (
    Failed,
    Known,
    Refund,
    Succeeded,
    Trying,
    Unknown,
    Waiting,
    evolve,
)
from decider import Decider

__all__ = ["OVERDUE", "REFUND", "decide"]

OVERDUE = "overdue"
"""The reason of an escalation, beside the provider's codes."""


def decide(command: RefundCommand, state: Refund) -> Sequence[RefundEvent]:
    match command:
        case RequestRefund():
            return request(command, state)
        case RegisterProviderRefund():
            return register(command, state)
        case ConfirmRefund():
            return confirm(command, state)
        case FailRefund():
            return fail(command, state)
        case EscalateRefund():
            return escalate(command, state)
        case RetryRefund():
            return retry(command, state)
        case _:
            assert_never(command)


def request(command: RequestRefund, state: Refund) -> Sequence[RefundRequested]:
    """One stream for each payment: whoever asks second finds it asked."""
    if not isinstance(state, Unknown):
        return []
    return [
        RefundRequested(payment=command.payment, refund_id=command.refund_id, cause=command.cause)
    ]


def register(command: RegisterProviderRefund, state: Refund) -> Sequence[RefundSubmitted]:
    trying = _awaited(state, command.attempt)
    if trying is None or trying.provider_refund_id is not None:
        return []
    return [
        RefundSubmitted(
            payment_id=trying.order.payment.payment_id,
            refund_id=trying.order.refund_id,
            attempt=command.attempt,
            provider_refund_id=command.provider_refund_id,
            submitted_at=command.now,
            overdue_at=command.now + timedelta(hours=command.policies.refund_overdue_hours),
        )
    ]


def confirm(command: ConfirmRefund, state: Refund) -> Sequence[RefundSucceeded]:
    """Whichever try it was: the provider says that the money is gone."""
    known = _expect_known(state)
    if isinstance(known, Succeeded):
        return []
    order = known.order
    if command.amount != order.payment.amount:
        raise RefundedAnotherAmount(expected=order.payment.amount, reported=command.amount)
    return [
        RefundSucceeded(
            payment=order.payment,
            refund_id=order.refund_id,
            cause=order.cause,
            provider_refund_id=command.provider_refund_id,
        )
    ]


def fail(command: FailRefund, state: Refund) -> Sequence[RefundTryFailed | RefundFailed]:
    trying = _awaited(state, command.attempt)
    if trying is None:
        return []
    pauses = command.policies.refund_retry_minutes
    if command.attempt > len(pauses):
        return [_failed(trying, command.reason)]
    return [
        RefundTryFailed(
            payment_id=trying.order.payment.payment_id,
            refund_id=trying.order.refund_id,
            attempt=command.attempt,
            reason=command.reason,
            retry_at=command.now + timedelta(minutes=pauses[command.attempt - 1]),
        )
    ]


def escalate(command: EscalateRefund, state: Refund) -> Sequence[RefundFailed]:
    trying = _awaited(state, command.attempt)
    if trying is None or trying.overdue_at is None or command.now < trying.overdue_at:
        return []
    return [_failed(trying, OVERDUE)]


def retry(command: RetryRefund, state: Refund) -> Sequence[RefundRetried]:
    known = _expect_known(state)
    match known:
        case Trying() | Succeeded():
            return []
        case Waiting() if not command.by_person and command.now < known.retry_at:
            return []
        case Failed() if not command.by_person:
            return []
        case Waiting() | Failed():
            return [
                RefundRetried(
                    payment_id=known.order.payment.payment_id,
                    refund_id=known.order.refund_id,
                    attempt=known.attempt + 1,
                )
            ]
        case _:
            assert_never(known)


def _awaited(state: Refund, attempt: int) -> Trying | None:
    """The try that an answer is about, unless it was answered before."""
    known = _expect_known(state)
    return known if isinstance(known, Trying) and known.attempt == attempt else None


def _failed(trying: Trying, reason: str) -> RefundFailed:
    order = trying.order
    return RefundFailed(
        payment=order.payment,
        refund_id=order.refund_id,
        cause=order.cause,
        attempt=trying.attempt,
        reason=reason,
    )


def _expect_known(state: Refund) -> Known:
    if isinstance(state, Unknown):
        raise RefundNotFound
    return state


REFUND: Decider[RefundCommand, Refund, RefundEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)

"""What a refund remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from billing.domain.details import PaymentDetails, RefundCause
from billing.domain.refund.events import (
    RefundEvent,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSubmitted,
    RefundSucceeded,
    RefundTryFailed,
)
from vocabulary.ids import RefundId

__all__ = [
    "Failed",
    "Known",
    "Order",
    "Refund",
    "Succeeded",
    "Trying",
    "Unknown",
    "Waiting",
    "evolve",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to go back, and why."""

    payment: PaymentDetails
    refund_id: RefundId
    cause: RefundCause


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trying:
    """A try is on its way; the provider has taken it once it has an id there."""

    order: Order
    attempt: int
    provider_refund_id: str | None = None
    overdue_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Between two tries."""

    order: Order
    attempt: int
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A person must act."""

    order: Order
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The money went back: for ever."""

    order: Order


Known = Trying | Waiting | Failed | Succeeded
Refund = Unknown | Known


def evolve(state: Refund, event: RefundEvent) -> Refund:
    if isinstance(event, RefundRequested):
        order = Order(payment=event.payment, refund_id=event.refund_id, cause=event.cause)
        return Trying(order=order, attempt=1)
    if isinstance(state, Unknown):
        return state
    order = state.order
    match event:
        case RefundSubmitted():
            return Trying(
                order=order,
                attempt=event.attempt,
                provider_refund_id=event.provider_refund_id,
                overdue_at=event.overdue_at,
            )
        case RefundTryFailed():
            return Waiting(order=order, attempt=event.attempt, retry_at=event.retry_at)
        case RefundRetried():
            return Trying(order=order, attempt=event.attempt)
        case RefundFailed():
            return Failed(order=order, attempt=event.attempt)
        case RefundSucceeded():
            return Succeeded(order=order)
        case _:
            assert_never(event)

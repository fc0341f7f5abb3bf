"""Refunds, as others may know them; single tries are nobody's business."""

from billing.domain.refund import events as private
from billing.publishing.invoices import payment_fact
from contracts.billing import RefundFailed, RefundRequested, RefundSucceeded
from contracts.fact import PublicEvent

__all__ = ["publish"]


def publish(event: private.RefundEvent) -> PublicEvent | None:
    match event:
        case private.RefundRequested():
            return RefundRequested(**payment_fact(event.payment), cause=event.cause.value)
        case private.RefundSucceeded():
            return RefundSucceeded(**payment_fact(event.payment), cause=event.cause.value)
        case private.RefundFailed():
            return RefundFailed(
                **payment_fact(event.payment), cause=event.cause.value, reason=event.reason
            )
        case _:
            return None

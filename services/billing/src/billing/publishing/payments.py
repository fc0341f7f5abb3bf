"""Payments, as others may know them; success is told by the invoice that it pays."""

from billing.domain.payment import events as private
from billing.publishing.invoices import payment_fact
from contracts.billing import PaymentExpired, PaymentFailed
from contracts.fact import PublicEvent

__all__ = ["publish"]


def publish(event: private.PaymentEvent) -> PublicEvent | None:
    match event:
        case private.PaymentFailed() | private.PaymentCancelled():
            return PaymentFailed(**payment_fact(event.payment), reason=event.reason)
        case private.PaymentExpired():
            return PaymentExpired(**payment_fact(event.payment))
        case _:
            return None

"""What billing tells the others: private facts become public ones, or nothing."""

from collections.abc import Callable
from typing import Any

from billing.domain.invoice.events import STORED_NAMES as INVOICE_EVENTS
from billing.domain.payment.events import STORED_NAMES as PAYMENT_EVENTS
from billing.domain.price_list.events import STORED_NAMES as PRICE_LIST_EVENTS
from billing.domain.refund.events import STORED_NAMES as REFUND_EVENTS
from billing.publishing import invoices, payments, price_lists, refunds
from contracts.fact import PublicEvent
from messaging import Envelope

__all__ = ["publish"]

_PUBLISHERS: dict[type[Any], Callable[[Any], PublicEvent | None]] = {
    **dict.fromkeys(PRICE_LIST_EVENTS, price_lists.publish),
    **dict.fromkeys(INVOICE_EVENTS, invoices.publish),
    **dict.fromkeys(PAYMENT_EVENTS, payments.publish),
    **dict.fromkeys(REFUND_EVENTS, refunds.publish),
}


def publish(event: object, _: Envelope) -> PublicEvent | None:
    """The public fact that a private one becomes; facts of the kernel (policies) stay private."""
    publisher = _PUBLISHERS.get(type(event))
    return None if publisher is None else publisher(event)

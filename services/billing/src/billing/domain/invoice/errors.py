"""Why an invoice does not become what was wished."""

from datetime import datetime
from typing import ClassVar

from decider import Rejection

__all__ = [
    "HoldEnded",
    "InvoiceAlreadyPaid",
    "InvoiceNotFound",
    "InvoiceNotPaid",
    "InvoiceVoid",
]


class InvoiceNotFound(Rejection):
    code: ClassVar[str] = "INVOICE_NOT_FOUND"


class InvoiceAlreadyPaid(Rejection):
    """Paid, or paid and refunded: there is nothing to pay any more."""

    code: ClassVar[str] = "INVOICE_ALREADY_PAID"


class InvoiceVoid(Rejection):
    """Cancelled together with its appointment."""

    code: ClassVar[str] = "INVOICE_CANCELLED"


class HoldEnded(Rejection):
    """The payment belongs to a hold that is over (BIL-09)."""

    code: ClassVar[str] = "HOLD_ENDED"

    def __init__(self, *, pay_before: datetime) -> None:
        super().__init__()
        self.pay_before = pay_before


class InvoiceNotPaid(Rejection):
    """There is no money to decide about."""

    code: ClassVar[str] = "INVOICE_NOT_PAID"

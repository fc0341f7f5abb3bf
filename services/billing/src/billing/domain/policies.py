"""What a tenant may settle for itself about money; every change is an event with its version."""

from dataclasses import dataclass

__all__ = ["BillingPolicies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPolicies:
    """Defaults as in the requirements' table of configurable policies.

    The window in which a cancellation is refunded is not among them: it is booking's, which tells the patient (BIL-42).
    """

    payment_minutes: int = 60
    """How long a payment may take that no hold ends; the provider's own page closes after an hour."""
    late_payment_watch_minutes: int = 60
    """How long money is still looked for after a payment has expired."""
    refund_retry_minutes: tuple[int, ...] = (1, 5, 30, 120)
    """The pause before each further try of a refund; after the last try a person is asked."""
    refund_overdue_hours: int = 168
    """A refund that the provider has not decided for so long is shown to a person."""
    receipt_vat_code: int = 1
    """Services of a licensed clinic are exempt from VAT (art. 149 of the Tax Code)."""

    def __post_init__(self) -> None:
        if min(self.payment_minutes, self.refund_overdue_hours) < 1:
            raise ValueError("a time-out is at least one unit long")
        if self.late_payment_watch_minutes < 0:
            raise ValueError("a window is never negative")
        if any(pause < 1 for pause in self.refund_retry_minutes):
            raise ValueError("a pause between tries is at least one minute")
        if not 1 <= self.receipt_vat_code <= 12:
            raise ValueError("a VAT code of YooKassa is between 1 and 12")

"""What billing tells: prices, invoices, payments, refunds. Amounts are whole kopecks."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.fact import PublicEvent

__all__ = [
    "FACTS",
    "InvoiceCancelled",
    "InvoicePaid",
    "InvoiceRefunded",
    "PaymentExpired",
    "PaymentFailed",
    "PreliminaryInvoiceIssued",
    "PricePublished",
    "PriceWithdrawn",
    "RefundDeclinedByPolicy",
    "RefundFailed",
    "RefundRequested",
    "RefundSucceeded",
]


class PricePublished(PublicEvent):
    """A service of the price list has this price from now on."""

    service_id: UUID
    branch_id: UUID
    department: str
    code: str
    name: str
    price_kopecks: int = Field(gt=0)
    clinician_ids: tuple[UUID, ...] = Field(
        default=(),
        description="Whose appointments it is for; with `specialties` empty too: everybody's",
    )
    specialties: tuple[str, ...] = Field(
        default=(), description="Whose appointments it is for beside those of `clinician_ids`"
    )
    kinds: tuple[Literal["ONLINE", "CLINIC"], ...] = Field(
        default=(), description="Which kinds of appointments it is for; empty: any"
    )


class PriceWithdrawn(PublicEvent):
    """A service can no longer be bought or prepaid."""

    service_id: UUID
    branch_id: UUID


class InvoiceFact(PublicEvent):
    """An invoice of an appointment."""

    invoice_id: UUID
    appointment_id: UUID
    patient_id: UUID
    total_kopecks: int = Field(ge=0)


class PreliminaryInvoiceIssued(InvoiceFact):
    """The patient can pay."""

    number: str


class InvoicePaid(InvoiceFact):
    """The provider confirmed the whole sum."""

    payment_id: UUID
    paid_at: datetime


class InvoiceCancelled(InvoiceFact):
    """An open invoice is void."""


class InvoiceRefunded(InvoiceFact):
    """The provider confirmed the return of the whole sum."""


class PaymentFact(PublicEvent):
    """One try to pay an invoice."""

    payment_id: UUID
    invoice_id: UUID
    appointment_id: UUID
    patient_id: UUID
    amount_kopecks: int = Field(gt=0)


class PaymentFailed(PaymentFact):
    """The provider refused; the payer may try again."""

    reason: str = Field(description="The provider's reason code, such as insufficient_funds")


class PaymentExpired(PaymentFact):
    """Nobody paid in time."""


class RefundFact(PaymentFact):
    """The way back of a payment."""

    cause: Literal[
        "CANCELLED_IN_TIME",
        "CANCELLED_BY_CLINIC",
        "LATE_PAYMENT",
        "PAID_TWICE",
        "APPROVAL_REJECTED",
    ]


class RefundRequested(RefundFact):
    """The whole sum is to go back."""


class RefundSucceeded(RefundFact):
    """The provider confirmed it."""


class RefundFailed(RefundFact):
    """The provider refused and all tries are used up; a person must act."""

    reason: str


class RefundDeclinedByPolicy(PaymentFact):
    """Cancelled too late: the policy keeps the money (BIL-42)."""

    lead_minutes: int


FACTS = (
    PricePublished,
    PriceWithdrawn,
    PreliminaryInvoiceIssued,
    InvoicePaid,
    InvoiceCancelled,
    InvoiceRefunded,
    PaymentFailed,
    PaymentExpired,
    RefundRequested,
    RefundSucceeded,
    RefundFailed,
    RefundDeclinedByPolicy,
)

"""Facts of an invoice. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import date, datetime

from billing.domain.details import (
    CancelledBy,
    InvoiceDetails,
    InvoiceLine,
    InvoiceSource,
    PaymentDetails,
    RefundCause,
)
from vocabulary.ids import AppointmentId, PaymentId
from vocabulary.sealed import Sealed

__all__ = [
    "STORED_NAMES",
    "AppointmentCancellationNoted",
    "AppointmentReservationNoted",
    "InvoiceCancelled",
    "InvoiceEvent",
    "InvoicePaid",
    "InvoicePaymentClosed",
    "InvoicePaymentOpened",
    "InvoiceRefunded",
    "PreliminaryInvoiceIssued",
    "RefundDeclinedByPolicy",
    "RefundDue",
    "SurplusPaymentReceived",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreliminaryInvoiceIssued:
    """The patient can pay; `pay_before` is when the hold of the slot ends, if one does."""

    invoice: InvoiceDetails
    issued_on: date
    source: InvoiceSource
    lines: tuple[InvoiceLine, ...]
    pay_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaymentOpened:
    """The patient began to pay: the only try that is open now."""

    payment: PaymentDetails
    number: str
    lines: tuple[InvoiceLine, ...]
    vat_code: int
    return_url: str
    receipt_email: Sealed[str]
    opened_at: datetime
    expires_at: datetime
    watched_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaymentClosed:
    """The try ended without money; another may begin."""

    payment_id: PaymentId


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid:
    """The provider confirmed the whole sum, perhaps after the invoice had been cancelled."""

    invoice: InvoiceDetails
    payment_id: PaymentId
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusPaymentReceived:
    """Money came for an invoice that another payment had paid already."""

    invoice: InvoiceDetails
    payment_id: PaymentId
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCancelled:
    """An open invoice is void."""

    invoice: InvoiceDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentReservationNoted:
    """Booking gave the time to the patient; repeated when late money took a lapsed hold again."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentCancellationNoted:
    """Booking ended the appointment. `final` is False for a lapsed hold, which late money may revive."""

    appointment_id: AppointmentId
    by: CancelledBy
    reason: str
    was_reserved: bool
    lead_minutes: int
    refund_eligible: bool
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundDue:
    """All of this payment has to go back."""

    payment: PaymentDetails
    cause: RefundCause


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundDeclinedByPolicy:
    """Cancelled too late: the clinic keeps the money (BIL-42)."""

    payment: PaymentDetails
    lead_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefunded:
    """The provider confirmed the return of the whole sum."""

    invoice: InvoiceDetails
    payment_id: PaymentId


InvoiceEvent = (
    PreliminaryInvoiceIssued
    | InvoicePaymentOpened
    | InvoicePaymentClosed
    | InvoicePaid
    | SurplusPaymentReceived
    | InvoiceCancelled
    | AppointmentReservationNoted
    | AppointmentCancellationNoted
    | RefundDue
    | RefundDeclinedByPolicy
    | InvoiceRefunded
)

STORED_NAMES: dict[type[InvoiceEvent], str] = {
    PreliminaryInvoiceIssued: "PreliminaryInvoiceIssued.v1",
    InvoicePaymentOpened: "InvoicePaymentOpened.v1",
    InvoicePaymentClosed: "InvoicePaymentClosed.v1",
    InvoicePaid: "InvoicePaid.v1",
    SurplusPaymentReceived: "SurplusPaymentReceived.v1",
    InvoiceCancelled: "InvoiceCancelled.v1",
    AppointmentReservationNoted: "AppointmentReservationNoted.v1",
    AppointmentCancellationNoted: "AppointmentCancellationNoted.v1",
    RefundDue: "RefundDue.v1",
    RefundDeclinedByPolicy: "RefundDeclinedByPolicy.v1",
    InvoiceRefunded: "InvoiceRefunded.v1",
}

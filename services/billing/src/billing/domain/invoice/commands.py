"""Wishes about an invoice."""

from dataclasses import dataclass
from datetime import date, datetime

from billing.domain.details import CancelledBy, InvoiceLine
from billing.domain.policies import BillingPolicies
from vocabulary.ids import AppointmentId, BranchId, InvoiceId, PatientId, PaymentId
from vocabulary.sealed import Sealed

__all__ = [
    "CancelInvoice",
    "CloseInvoicePayment",
    "InvoiceCommand",
    "IssuePreliminaryInvoice",
    "MarkInvoicePaid",
    "MarkInvoiceRefunded",
    "NoteLatePaymentRefusal",
    "NoteReservation",
    "OpenInvoicePayment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePreliminaryInvoice:
    invoice_id: InvoiceId
    appointment_id: AppointmentId
    patient_id: PatientId
    branch_id: BranchId
    lines: tuple[InvoiceLine, ...]
    issued_on: date
    pay_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoicePayment:
    """Begin to pay; while another try is open, that one stays the open one."""

    invoice_id: InvoiceId
    payment_id: PaymentId
    return_url: str
    receipt_email: Sealed[str]
    policies: BillingPolicies
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseInvoicePayment:
    """The payment failed, was cancelled or expired."""

    payment_id: PaymentId


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkInvoicePaid:
    payment_id: PaymentId
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReservation:
    """The appointment is the patient's."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelInvoice:
    """The appointment will not take place: void what is open, decide about what is paid."""

    appointment_id: AppointmentId
    by: CancelledBy
    reason: str
    was_reserved: bool
    lead_minutes: int
    refund_eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLatePaymentRefusal:
    """Booking could not use the money any more."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkInvoiceRefunded:
    payment_id: PaymentId


InvoiceCommand = (
    IssuePreliminaryInvoice
    | OpenInvoicePayment
    | CloseInvoicePayment
    | MarkInvoicePaid
    | NoteReservation
    | CancelInvoice
    | NoteLatePaymentRefusal
    | MarkInvoiceRefunded
)

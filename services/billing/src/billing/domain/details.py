"""What invoices, payments and refunds are about: carried by their facts, so that each says all by itself."""

from dataclasses import dataclass
from enum import StrEnum

from vocabulary.ids import AppointmentId, BranchId, InvoiceId, PatientId, PaymentId, ServiceId
from vocabulary.money import Money

__all__ = [
    "CancelledBy",
    "InvoiceDetails",
    "InvoiceLine",
    "InvoiceSource",
    "PaymentDetails",
    "RefundCause",
]


class InvoiceSource(StrEnum):
    """What an invoice is for (BIL-05)."""

    APPOINTMENT = "APPOINTMENT"
    ORDER = "ORDER"


class CancelledBy(StrEnum):
    """Who ended an appointment."""

    PATIENT = "PATIENT"
    DOCTOR = "DOCTOR"
    CLINIC = "CLINIC"
    SYSTEM = "SYSTEM"


class RefundCause(StrEnum):
    """Why money goes back (BIL-42, BIL-43)."""

    CANCELLED_IN_TIME = "CANCELLED_IN_TIME"
    CANCELLED_BY_CLINIC = "CANCELLED_BY_CLINIC"
    LATE_PAYMENT = "LATE_PAYMENT"
    PAID_TWICE = "PAID_TWICE"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One service at the price it had when the invoice was issued."""

    service_id: ServiceId
    code: str
    name: str
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDetails:
    """Whose invoice, for what, how much."""

    invoice_id: InvoiceId
    number: str
    appointment_id: AppointmentId
    patient_id: PatientId
    branch_id: BranchId
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDetails:
    """Whose payment of which invoice, how much."""

    payment_id: PaymentId
    invoice_id: InvoiceId
    appointment_id: AppointmentId
    patient_id: PatientId
    amount: Money

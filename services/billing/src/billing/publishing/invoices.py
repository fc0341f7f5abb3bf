"""Invoices, as others may know them: the payment status of an appointment (BIL-45)."""

from typing import Any

from billing.domain.details import InvoiceDetails, PaymentDetails
from billing.domain.invoice import events as private
from contracts.billing import (
    InvoiceCancelled,
    InvoicePaid,
    InvoiceRefunded,
    PreliminaryInvoiceIssued,
    RefundDeclinedByPolicy,
)
from contracts.fact import PublicEvent

__all__ = ["payment_fact", "publish"]


def publish(event: private.InvoiceEvent) -> PublicEvent | None:
    match event:
        case private.PreliminaryInvoiceIssued():
            number = event.invoice.number
            return PreliminaryInvoiceIssued(**_invoice_fact(event.invoice), number=number)
        case private.InvoicePaid():
            return InvoicePaid(
                **_invoice_fact(event.invoice), payment_id=event.payment_id, paid_at=event.paid_at
            )
        case private.InvoiceCancelled():
            return InvoiceCancelled(**_invoice_fact(event.invoice))
        case private.InvoiceRefunded():
            return InvoiceRefunded(**_invoice_fact(event.invoice))
        case private.RefundDeclinedByPolicy():
            return RefundDeclinedByPolicy(
                **payment_fact(event.payment), lead_minutes=event.lead_minutes
            )
        case _:
            return None


def _invoice_fact(invoice: InvoiceDetails) -> dict[str, Any]:
    return {
        "invoice_id": invoice.invoice_id,
        "appointment_id": invoice.appointment_id,
        "patient_id": invoice.patient_id,
        "total_kopecks": invoice.total.kopecks,
    }


def payment_fact(payment: PaymentDetails) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "invoice_id": payment.invoice_id,
        "appointment_id": payment.appointment_id,
        "patient_id": payment.patient_id,
        "amount_kopecks": payment.amount.kopecks,
    }

"""Invoices with their state (BIL-05)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from billing.domain.details import InvoiceLine, InvoiceSource
from billing.domain.invoice.events import (
    InvoiceCancelled,
    InvoiceEvent,
    InvoicePaid,
    InvoicePaymentClosed,
    InvoicePaymentOpened,
    InvoiceRefunded,
    PreliminaryInvoiceIssued,
)
from billing.domain.invoice.state import Status
from read_models import Fact, Queries, View
from vocabulary.ids import AppointmentId, BranchId, InvoiceId, PatientId, PaymentId
from vocabulary.money import Money

__all__ = ["VIEW", "InvoiceRow", "by_id", "of_appointment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    tenant: str
    invoice_id: InvoiceId
    patient_id: PatientId
    appointment_id: AppointmentId
    branch_id: BranchId
    number: str
    issued_on: date
    source: InvoiceSource
    lines: tuple[InvoiceLine, ...]
    total: Money
    status: Status
    pay_before: datetime | None = None
    payment_id: PaymentId | None = None
    paid_at: datetime | None = None


def project(row: InvoiceRow | None, event: InvoiceEvent, fact: Fact) -> InvoiceRow | None:
    if isinstance(event, PreliminaryInvoiceIssued):
        invoice = event.invoice
        return InvoiceRow(
            tenant=fact.tenant,
            invoice_id=invoice.invoice_id,
            patient_id=invoice.patient_id,
            appointment_id=invoice.appointment_id,
            branch_id=invoice.branch_id,
            number=invoice.number,
            issued_on=event.issued_on,
            source=event.source,
            lines=event.lines,
            total=invoice.total,
            status=Status.OPEN,
            pay_before=event.pay_before,
        )
    if row is None:
        return None
    match event:
        case InvoicePaymentOpened():
            return replace(row, payment_id=event.payment.payment_id)
        case InvoicePaymentClosed() if row.status is Status.OPEN:
            return replace(row, payment_id=None)
        case InvoicePaid():
            return replace(
                row, status=Status.PAID, payment_id=event.payment_id, paid_at=event.paid_at
            )
        case InvoiceCancelled():
            return replace(row, status=Status.CANCELLED)
        case InvoiceRefunded():
            return replace(row, status=Status.REFUNDED)
        case _:
            return row


VIEW = View(
    name="invoices",
    version=1,
    row=InvoiceRow,
    key=("tenant", "invoice_id"),
    indexes=(("tenant", "appointment_id"),),
    events={
        kind: lambda _, fact: [(fact.tenant, UUID(fact.stream_key))]
        for kind in (
            PreliminaryInvoiceIssued,
            InvoicePaymentOpened,
            InvoicePaymentClosed,
            InvoicePaid,
            InvoiceCancelled,
            InvoiceRefunded,
        )
    },
    project=project,
)


async def by_id(db: Queries, tenant: str, invoice_id: InvoiceId) -> InvoiceRow | None:
    return await db.one(VIEW, tenant=tenant, invoice_id=invoice_id)


async def of_appointment(
    db: Queries, tenant: str, appointment_id: AppointmentId
) -> Sequence[InvoiceRow]:
    return await db.all(VIEW, "tenant = $1 AND appointment_id = $2", tenant, appointment_id)

"""Payments with their state (BIL-12)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from billing.domain.invoice.events import InvoicePaymentOpened
from billing.domain.payment.events import (
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    PaymentFailed,
    PaymentRedirectIssued,
    PaymentSucceeded,
)
from billing.domain.refund.events import RefundSucceeded
from read_models import Fact, Queries, View
from vocabulary.ids import AppointmentId, InvoiceId, PatientId, PaymentId
from vocabulary.money import Money

__all__ = ["VIEW", "PaymentRow", "PaymentStatus", "by_id", "newest"]


class PaymentStatus(StrEnum):
    """Every state of a payment; patients see it as paid or not paid."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    tenant: str
    payment_id: PaymentId
    invoice_id: InvoiceId
    appointment_id: AppointmentId
    patient_id: PatientId
    number: str
    amount: Money
    status: PaymentStatus
    started_at: datetime
    expires_at: datetime
    confirmation_url: str | None = None
    reason: str | None = None
    paid_at: datetime | None = None


Shown = InvoicePaymentOpened | PaymentEvent | RefundSucceeded


def project(row: PaymentRow | None, event: Shown, fact: Fact) -> PaymentRow | None:
    if isinstance(event, InvoicePaymentOpened):
        payment = event.payment
        return PaymentRow(
            tenant=fact.tenant,
            payment_id=payment.payment_id,
            invoice_id=payment.invoice_id,
            appointment_id=payment.appointment_id,
            patient_id=payment.patient_id,
            number=event.number,
            amount=payment.amount,
            status=PaymentStatus.CREATED,
            started_at=event.opened_at,
            expires_at=event.expires_at,
        )
    if row is None:
        return None
    match event:
        case PaymentRedirectIssued():
            return replace(
                row, status=PaymentStatus.PENDING, confirmation_url=event.confirmation_url
            )
        case PaymentSucceeded():
            return _ended(row, PaymentStatus.SUCCEEDED, paid_at=event.paid_at)
        case PaymentFailed() | PaymentCancelled():
            failed = isinstance(event, PaymentFailed)
            status = PaymentStatus.FAILED if failed else PaymentStatus.CANCELLED
            return _ended(row, status, reason=event.reason)
        case PaymentExpired():
            return _ended(row, PaymentStatus.EXPIRED)
        case RefundSucceeded():
            return replace(row, status=PaymentStatus.REFUNDED)
        case _:
            return row


def _ended(
    row: PaymentRow,
    status: PaymentStatus,
    *,
    reason: str | None = None,
    paid_at: datetime | None = None,
) -> PaymentRow:
    return replace(row, status=status, reason=reason, paid_at=paid_at, confirmation_url=None)


VIEW = View(
    name="payments",
    version=1,
    row=PaymentRow,
    key=("tenant", "payment_id"),
    indexes=(("tenant", "patient_id", "started_at"), ("tenant", "started_at")),
    events={
        InvoicePaymentOpened: lambda event, fact: [(fact.tenant, event.payment.payment_id)],
        **{
            kind: lambda _, fact: [(fact.tenant, UUID(fact.stream_key))]
            for kind in (
                PaymentRedirectIssued,
                PaymentSucceeded,
                PaymentFailed,
                PaymentCancelled,
                PaymentExpired,
                RefundSucceeded,
            )
        },
    },
    project=project,
)


async def by_id(db: Queries, tenant: str, payment_id: PaymentId) -> PaymentRow | None:
    return await db.one(VIEW, tenant=tenant, payment_id=payment_id)


async def newest(
    db: Queries,
    tenant: str,
    *,
    patient_id: PatientId | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[PaymentRow]:
    """Of one patient, or of all when None; those that started before a place of the list."""
    started_at, payment_id = before or (None, None)
    return await db.all(
        VIEW,
        "tenant = $1 AND ($2::uuid IS NULL OR patient_id = $2)"
        " AND ($3::timestamptz IS NULL OR (started_at, payment_id) < ($3, $4::uuid))",
        tenant,
        patient_id,
        started_at,
        payment_id,
        order=("started_at", "payment_id"),
        descending=True,
        limit=limit,
    )

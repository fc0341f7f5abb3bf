"""Refunds and where each stands: the queue of those who look after them (BIL-44)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from billing.domain.details import RefundCause
from billing.domain.refund.events import (
    RefundEvent,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSubmitted,
    RefundSucceeded,
    RefundTryFailed,
)
from read_models import Fact, Queries, View
from vocabulary.ids import AppointmentId, InvoiceId, PatientId, PaymentId, RefundId
from vocabulary.money import Money

__all__ = ["VIEW", "RefundRow", "RefundState", "newest"]


class RefundState(StrEnum):
    """REQUESTED until the provider has it, PENDING while it decides, WAITING between two tries."""

    REQUESTED = "REQUESTED"
    PENDING = "PENDING"
    WAITING = "WAITING"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    tenant: str
    payment_id: PaymentId
    refund_id: RefundId
    invoice_id: InvoiceId
    appointment_id: AppointmentId
    patient_id: PatientId
    amount: Money
    cause: RefundCause
    state: RefundState
    attempt: int
    requested_at: datetime
    reason: str | None = None
    retry_at: datetime | None = None


def project(row: RefundRow | None, event: RefundEvent, fact: Fact) -> RefundRow | None:
    if isinstance(event, RefundRequested):
        payment = event.payment
        return RefundRow(
            tenant=fact.tenant,
            payment_id=payment.payment_id,
            refund_id=event.refund_id,
            invoice_id=payment.invoice_id,
            appointment_id=payment.appointment_id,
            patient_id=payment.patient_id,
            amount=payment.amount,
            cause=event.cause,
            state=RefundState.REQUESTED,
            attempt=1,
            requested_at=fact.time,
        )
    if row is None:
        return None
    match event:
        case RefundSubmitted():
            return replace(row, state=RefundState.PENDING)
        case RefundTryFailed():
            return replace(
                row, state=RefundState.WAITING, reason=event.reason, retry_at=event.retry_at
            )
        case RefundRetried():
            return replace(row, state=RefundState.REQUESTED, attempt=event.attempt, retry_at=None)
        case RefundFailed():
            return replace(row, state=RefundState.FAILED, reason=event.reason)
        case RefundSucceeded():
            return replace(row, state=RefundState.SUCCEEDED, reason=None, retry_at=None)


VIEW = View(
    name="refunds",
    version=1,
    row=RefundRow,
    key=("tenant", "payment_id"),
    indexes=(("tenant", "state", "requested_at"),),
    events={
        kind: lambda _, fact: [(fact.tenant, UUID(fact.stream_key))]
        for kind in (
            RefundRequested,
            RefundSubmitted,
            RefundTryFailed,
            RefundRetried,
            RefundFailed,
            RefundSucceeded,
        )
    },
    project=project,
)


async def newest(
    db: Queries,
    tenant: str,
    *,
    state: RefundState | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[RefundRow]:
    """In one state, or in any when None; those requested before a place of the list."""
    requested_at, payment_id = before or (None, None)
    return await db.all(
        VIEW,
        "tenant = $1 AND ($2::text IS NULL OR state = $2)"
        " AND ($3::timestamptz IS NULL OR (requested_at, payment_id) < ($3, $4::uuid))",
        tenant,
        state and state.value,
        requested_at,
        payment_id,
        order=("requested_at", "payment_id"),
        descending=True,
        limit=limit,
    )

"""Payments: where they stand, and looking again."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from billing.api.access import ACCESS
from billing.api.dependencies import BillingDep, QueriesDep, the_patient
from billing.api.pages import place, place_before
from billing.api.problems import PROBLEMS
from billing.application.checks import CheckPayment
from billing.domain.payment import state as domain
from billing.domain.payment.errors import PaymentNotFound
from billing.read_models import payments
from billing.read_models.payments import PaymentStatus
from service_kit.access import Caller
from service_kit.problems import NotFound
from service_kit.reads import Page, PageQueryDep, page_of
from vocabulary.ids import PatientId, PaymentId

__all__ = ["PaymentProgress", "progress_of", "router"]

router = APIRouter(prefix="/api/v1/payments", tags=["payments"])


class PaymentProgress(BaseModel):
    """A payment on its way. `paid` turns true only when the provider has confirmed the money."""

    payment_id: UUID
    status: PaymentStatus
    paid: bool
    confirmation_url: str | None = Field(
        default=None, description="The provider's page; cards are typed in there and only there"
    )


class Payment(PaymentProgress):
    """A try to pay an invoice."""

    invoice_id: UUID
    invoice_number: str
    appointment_id: UUID
    patient_id: UUID
    amount_kopecks: int
    started_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    reason: str | None = Field(description="The provider's code when it failed")


@router.get("")
async def list_payments(
    db: QueriesDep,
    query: PageQueryDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_payments"))],
    patient_id: UUID | None = None,
) -> Page[Payment]:
    """Payments, the newest first: a patient's own, or for the clinic those of one patient or of all."""
    whose = the_patient(caller) if caller.role == "patient" else patient_id
    rows = await payments.newest(
        db,
        caller.tenant,
        patient_id=None if whose is None else PatientId(whose),
        before=place_before(query),
        limit=query.limit + 1,
    )
    return page_of(rows, query, key=lambda row: place(row.started_at, row.payment_id), show=_shown)


@router.get("/{payment_id}")
async def read_payment(
    payment_id: UUID,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_payment"))],
) -> Payment:
    """One payment. That the payer is back is no proof of money; that `paid` is true is one."""
    row = await payments.by_id(db, caller.tenant, PaymentId(payment_id))
    if row is None:
        raise NotFound
    caller.require(patient_id=row.patient_id)
    return _shown(row)


@router.post("/{payment_id}/check", responses=PROBLEMS.of(PaymentNotFound))
async def check_payment(
    payment_id: UUID,
    billing: BillingDep,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("check_payment"))],
) -> PaymentProgress:
    """The payer is back from the provider's page: ask the provider now instead of waiting for its notification."""
    row = await payments.by_id(db, caller.tenant, PaymentId(payment_id))
    if row is None:
        raise NotFound
    caller.require(patient_id=row.patient_id)
    state = await billing.payment_checks.handle(
        CheckPayment(now=caller.now),
        key=row.payment_id,
        context=caller.context(subject=str(row.patient_id)),
    )
    return progress_of(row.payment_id, state)


def progress_of(payment_id: PaymentId, state: domain.Payment) -> PaymentProgress:
    url = state.confirmation_url if isinstance(state, domain.Open) else None
    return PaymentProgress(
        payment_id=payment_id,
        status=_status(state),
        paid=isinstance(state, domain.Succeeded),
        confirmation_url=url,
    )


def _status(state: domain.Payment) -> PaymentStatus:
    match state:
        case domain.Unknown() | domain.Open(provider_payment_id=None):
            return PaymentStatus.CREATED
        case domain.Open():
            return PaymentStatus.PENDING
        case domain.Succeeded():
            return PaymentStatus.SUCCEEDED
        case domain.Closed():
            return PaymentStatus(state.outcome.value)


def _shown(row: payments.PaymentRow) -> Payment:
    return Payment(
        payment_id=row.payment_id,
        status=row.status,
        paid=row.status is PaymentStatus.SUCCEEDED,
        confirmation_url=row.confirmation_url,
        invoice_id=row.invoice_id,
        invoice_number=row.number,
        appointment_id=row.appointment_id,
        patient_id=row.patient_id,
        amount_kopecks=row.amount.kopecks,
        started_at=row.started_at,
        expires_at=row.expires_at,
        paid_at=row.paid_at,
        reason=row.reason,
    )

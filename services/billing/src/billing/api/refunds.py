"""Refunds, for those who look after them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from billing.api.access import ACCESS
from billing.api.dependencies import BillingDep, QueriesDep
from billing.api.pages import place, place_before
from billing.api.problems import PROBLEMS
from billing.domain.details import RefundCause
from billing.domain.refund.commands import RetryRefund
from billing.domain.refund.errors import RefundNotFound
from billing.domain.refund.state import Unknown
from billing.read_models import refunds
from billing.read_models.refunds import RefundState
from service_kit.access import Caller
from service_kit.reads import Page, PageQueryDep, page_of

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/refunds", tags=["refunds"])


class Refund(BaseModel):
    """The way back of a payment. FAILED: every try was refused, and somebody has to act."""

    payment_id: UUID
    refund_id: UUID
    invoice_id: UUID
    appointment_id: UUID
    patient_id: UUID
    amount_kopecks: int
    cause: RefundCause
    state: RefundState
    attempt: int
    requested_at: datetime
    reason: str | None
    retry_at: datetime | None


@router.get("")
async def list_refunds(
    db: QueriesDep,
    query: PageQueryDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_refunds"))],
    state: RefundState | None = None,
) -> Page[Refund]:
    """Refunds in one state or in any, the newest first."""
    rows = await refunds.newest(
        db, caller.tenant, state=state, before=place_before(query), limit=query.limit + 1
    )
    return page_of(
        rows, query, key=lambda row: place(row.requested_at, row.payment_id), show=_shown
    )


@router.post("/{payment_id}/retry", status_code=202, responses=PROBLEMS.of(RefundNotFound))
async def retry_refund(
    payment_id: UUID,
    billing: BillingDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("retry_refund"))],
) -> None:
    """Try a failed or waiting refund again, now. Nothing happens to one that is on its way or done."""
    known, _ = await billing.refunds.load(tenant=caller.tenant, key=payment_id)
    if isinstance(known, Unknown):
        raise RefundNotFound
    context = caller.context(subject=str(known.order.payment.patient_id))
    command = RetryRefund(now=caller.now, by_person=True)
    caller.confirm(await billing.refunds.handle(command, key=payment_id, context=context))


def _shown(row: refunds.RefundRow) -> Refund:
    return Refund(
        payment_id=row.payment_id,
        refund_id=row.refund_id,
        invoice_id=row.invoice_id,
        appointment_id=row.appointment_id,
        patient_id=row.patient_id,
        amount_kopecks=row.amount.kopecks,
        cause=row.cause,
        state=row.state,
        attempt=row.attempt,
        requested_at=row.requested_at,
        reason=row.reason,
        retry_at=row.retry_at,
    )

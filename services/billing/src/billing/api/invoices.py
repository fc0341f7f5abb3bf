"""Invoices, and beginning to pay them."""

import asyncio
import time
from datetime import date, datetime
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field

from billing.api.access import ACCESS
from billing.api.dependencies import BillingDep, QueriesDep, WaitDep
from billing.api.payments import PaymentProgress, progress_of
from billing.api.problems import PROBLEMS
from billing.application.paying import await_redirect
from billing.domain.invoice.commands import OpenInvoicePayment
from billing.domain.invoice.errors import (
    HoldEnded,
    InvoiceAlreadyPaid,
    InvoiceNotFound,
    InvoiceVoid,
)
from billing.domain.invoice.state import Issued, Status
from billing.domain.payment.state import Closed
from billing.read_models import invoices
from service_kit.access import Caller
from service_kit.errors import Unavailable
from service_kit.problems import NotFound, Problem
from vocabulary.email import parse_email
from vocabulary.ids import AppointmentId, InvoiceId, PaymentId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/invoices", tags=["invoices"])


class InvoiceItem(BaseModel):
    """A service at its price on the day of issue."""

    service_id: UUID
    code: str
    name: str
    price_kopecks: int


class Invoice(BaseModel):
    """A preliminary invoice. It can be paid while `payable` is true: in full, before `pay_before` if there is one."""

    invoice_id: UUID
    appointment_id: UUID
    patient_id: UUID
    branch_id: UUID
    number: str
    issued_on: date
    source: str
    status: Status
    payable: bool
    total_kopecks: int
    lines: list[InvoiceItem]
    pay_before: datetime | None
    payment_id: UUID | None = Field(description="The payment that paid it, or the open one")
    paid_at: datetime | None


class Invoices(BaseModel):
    """The invoices of an appointment."""

    items: list[Invoice]


class Payment(BaseModel):
    """Where the payer comes back to, and where the fiscal receipt goes (54-FZ)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "return_url": "https://clinic.example/appointments",
                    "receipt_email": "anna@example.org",
                }
            ]
        },
    )

    return_url: AnyHttpUrl
    receipt_email: str = Field(min_length=3, max_length=320)


@router.get("")
async def list_invoices(
    appointment_id: UUID,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_invoices"))],
) -> Invoices:
    """The invoices of an appointment; a patient sees only their own."""
    rows = await invoices.of_appointment(db, caller.tenant, AppointmentId(appointment_id))
    return Invoices(
        items=[
            _shown(row, caller.now)
            for row in rows
            if caller.role != "patient" or row.patient_id == caller.patient_id
        ]
    )


@router.get("/{invoice_id}")
async def read_invoice(
    invoice_id: UUID,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_invoice"))],
) -> Invoice:
    """One invoice with its lines."""
    row = await invoices.by_id(db, caller.tenant, InvoiceId(invoice_id))
    if row is None:
        raise NotFound
    caller.require(patient_id=row.patient_id)
    return _shown(row, caller.now)


@router.post(
    "/{invoice_id}/payments",
    status_code=201,
    responses=PROBLEMS.of(InvoiceNotFound, InvoiceAlreadyPaid, InvoiceVoid, HoldEnded),
)
async def pay_invoice(
    invoice_id: UUID,
    body: Payment,
    billing: BillingDep,
    db: QueriesDep,
    wait_seconds: WaitDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("pay_invoice"))],
) -> PaymentProgress:
    """Begin to pay the whole invoice, and get the address of the provider's page.

    While a payment is open, it is the one that is answered. After one has failed or expired another may begin. The
    answer waits some seconds for the provider; without `confirmation_url` in it, ask `GET /payments/{id}` again.
    """
    row = await invoices.by_id(db, caller.tenant, InvoiceId(invoice_id))
    if row is None:
        raise NotFound
    caller.require(patient_id=row.patient_id)
    if not billing.provider.serves(caller.tenant):
        raise Problem(409, "ONLINE_PAYMENT_OFF")
    email = parse_email(body.receipt_email)
    sealer = billing.sealers.of(caller.tenant)
    rules, version = await billing.policies.at(caller.tenant, caller.now)
    context = caller.context(subject=str(row.patient_id), policy=version)
    own_id = PaymentId(uuid5(context.command_id, "payment"))
    command = OpenInvoicePayment(
        invoice_id=row.invoice_id,
        payment_id=own_id,
        return_url=str(body.return_url),
        receipt_email=await sealer.seal(row.patient_id, "receipt_email", str(email)),
        policies=rules,
        now=caller.now,
    )
    until = time.monotonic() + wait_seconds
    while True:
        handled = await billing.invoices.handle(command, key=invoice_id, context=context)
        caller.confirm(handled)
        opened = handled.state.paying.open if isinstance(handled.state, Issued) else None
        payment_id = opened or own_id
        left = until - time.monotonic()
        state = await await_redirect(billing.payments, caller.tenant, payment_id, seconds=left)
        if payment_id == own_id or not isinstance(state, Closed):
            return progress_of(payment_id, state)
        # It has failed or expired, and the invoice is about to hear of it; then ours may begin.
        if left <= 0:
            raise Unavailable("billing")
        await asyncio.sleep(0.1)


def _shown(row: invoices.InvoiceRow, now: datetime) -> Invoice:
    in_time = row.pay_before is None or now < row.pay_before
    return Invoice(
        invoice_id=row.invoice_id,
        appointment_id=row.appointment_id,
        patient_id=row.patient_id,
        branch_id=row.branch_id,
        number=row.number,
        issued_on=row.issued_on,
        source=row.source,
        status=row.status,
        payable=row.status is Status.OPEN and in_time,
        total_kopecks=row.total.kopecks,
        lines=[
            InvoiceItem(
                service_id=line.service_id,
                code=line.code,
                name=line.name,
                price_kopecks=line.price.kopecks,
            )
            for line in row.lines
        ],
        pay_before=row.pay_before,
        payment_id=row.payment_id,
        paid_at=row.paid_at,
    )

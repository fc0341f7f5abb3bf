"""Money out: what is due goes back through the provider, and the invoice hears of it (saga S7, 4 and 6)."""

from collections.abc import Sequence
from uuid import uuid5

from billing.application import Billing
from billing.application.checks import CheckRefund
from billing.domain.invoice.commands import MarkInvoiceRefunded
from billing.domain.invoice.events import RefundDue
from billing.domain.refund.commands import RequestRefund
from billing.domain.refund.events import RefundRequested, RefundRetried, RefundSucceeded
from messaging import Cause, Dispatch, Process
from vocabulary.ids import RefundId

__all__ = ["PROCESS"]


def on_refund_due(event: RefundDue, _: Cause) -> Sequence[Dispatch]:
    payment_id = event.payment.payment_id
    request = RequestRefund(
        payment=event.payment,
        refund_id=RefundId(uuid5(payment_id, "refund")),
        cause=event.cause,
    )
    return [Dispatch(to="refunds", key=payment_id, command=request)]


async def on_refund_requested(event: RefundRequested, cause: Cause, billing: Billing) -> None:
    await billing.refund_checks.handle(
        CheckRefund(now=cause.now), key=event.payment.payment_id, context=cause.command("try")
    )


async def on_refund_retried(event: RefundRetried, cause: Cause, billing: Billing) -> None:
    await billing.refund_checks.handle(
        CheckRefund(now=cause.now), key=event.payment_id, context=cause.command("try")
    )


def on_refund_succeeded(event: RefundSucceeded, _: Cause) -> Sequence[Dispatch]:
    refunded = MarkInvoiceRefunded(payment_id=event.payment.payment_id)
    return [Dispatch(to="invoices", key=event.payment.invoice_id, command=refunded)]


PROCESS = Process(
    name="giving_back",
    reactions={
        RefundDue: on_refund_due,
        RefundRequested: on_refund_requested,
        RefundRetried: on_refund_retried,
        RefundSucceeded: on_refund_succeeded,
    },
    starts={RefundRequested: lambda event: str(event.payment.payment_id)},
    ends={RefundSucceeded: lambda event: str(event.payment.payment_id)},
)

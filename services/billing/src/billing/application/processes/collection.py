"""Money in: a try to pay goes to the provider, and its end comes back to the invoice (saga S1, 3 to 5)."""

from collections.abc import Sequence
from datetime import timedelta

from billing.application import Billing
from billing.application.ports import PaymentOrder, Refused
from billing.domain.invoice.commands import CloseInvoicePayment, MarkInvoicePaid
from billing.domain.invoice.events import InvoicePaymentOpened
from billing.domain.payment.commands import ExpirePayment, FailPayment, StartPayment
from billing.domain.payment.events import (
    PaymentCancelled,
    PaymentExpired,
    PaymentFailed,
    PaymentStarted,
    PaymentSucceeded,
)
from billing.domain.payment.state import Open
from messaging import Cause, Dispatch, Process, Terms
from privacy.errors import SubjectErased
from vocabulary.ids import TenantId

__all__ = ["PROCESS"]


def on_invoice_payment_opened(event: InvoicePaymentOpened, _: Cause) -> Sequence[Dispatch]:
    start = StartPayment(
        payment=event.payment,
        number=event.number,
        lines=event.lines,
        vat_code=event.vat_code,
        return_url=event.return_url,
        receipt_email=event.receipt_email,
        started_at=event.opened_at,
        expires_at=event.expires_at,
        watched_until=event.watched_until,
    )
    return [Dispatch(to="payments", key=event.payment.payment_id, command=start)]


async def on_payment_started(
    event: PaymentStarted, cause: Cause, billing: Billing
) -> Sequence[Dispatch]:
    """An outcome that is not known raises Unavailable: the same call again, under the same key, is harmless."""
    payment_id, tenant = event.payment.payment_id, TenantId(cause.tenant)
    state, _ = await billing.payments.load(tenant=tenant, key=payment_id)
    if not isinstance(state, Open) or state.provider_payment_id is not None:
        return []
    if cause.now >= event.expires_at:
        # Asked for now, the provider would keep its page open for a payment that nobody waits for.
        return [Dispatch(to="payments", key=payment_id, command=ExpirePayment(now=cause.now))]
    try:
        email = await billing.sealers.of(tenant).open(event.receipt_email)
    except SubjectErased:
        refuse = FailPayment(reason="payer_erased")
        return [Dispatch(to="payments", key=payment_id, command=refuse)]
    answer = await billing.provider.ask(
        tenant,
        PaymentOrder(
            payment_id=payment_id,
            invoice_id=event.payment.invoice_id,
            correlation=cause.envelope.metadata.correlation,
            amount=event.payment.amount,
            number=event.number,
            lines=event.lines,
            vat_code=event.vat_code,
            return_url=event.return_url,
            receipt_email=email,
        ),
    )
    if isinstance(answer, Refused):
        refuse = FailPayment(reason=answer.reason)
        return [Dispatch(to="payments", key=payment_id, command=refuse)]
    await billing.payment_checks.settle(answer, key=payment_id, context=cause.command("ask"))
    return []


def on_payment_succeeded(event: PaymentSucceeded, _: Cause) -> Sequence[Dispatch]:
    paid = MarkInvoicePaid(payment_id=event.payment.payment_id, paid_at=event.paid_at)
    return [Dispatch(to="invoices", key=event.payment.invoice_id, command=paid)]


def on_payment_ended(
    event: PaymentFailed | PaymentCancelled | PaymentExpired, _: Cause
) -> Sequence[Dispatch]:
    close = CloseInvoicePayment(payment_id=event.payment.payment_id)
    return [Dispatch(to="invoices", key=event.payment.invoice_id, command=close)]


PROCESS = Process(
    name="collection",
    reactions={
        InvoicePaymentOpened: on_invoice_payment_opened,
        PaymentStarted: on_payment_started,
        PaymentSucceeded: on_payment_succeeded,
        PaymentFailed: on_payment_ended,
        PaymentCancelled: on_payment_ended,
        PaymentExpired: on_payment_ended,
    },
    starts={PaymentStarted: lambda event: str(event.payment.payment_id)},
    ends={
        kind: lambda event: str(event.payment.payment_id)
        for kind in (PaymentSucceeded, PaymentFailed, PaymentCancelled, PaymentExpired)
    },
    # A payer waits for the page: several outages in a row must not add up to minutes.
    terms=Terms(longest_delay=timedelta(seconds=5)),
)

"""Does the money add up? A pure check over the whole log, for `kabinet verify money`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from billing.domain.invoice.events import (
    AppointmentCancellationNoted,
    AppointmentReservationNoted,
    InvoiceEvent,
    InvoicePaid,
    InvoiceRefunded,
    PreliminaryInvoiceIssued,
    RefundDeclinedByPolicy,
    RefundDue,
    SurplusPaymentReceived,
)
from billing.domain.payment.events import (
    AnotherAmountReported,
    PaymentEvent,
    PaymentStarted,
    PaymentSucceeded,
)
from billing.domain.refund.events import RefundEvent, RefundFailed, RefundRequested, RefundSucceeded
from vocabulary.ids import AppointmentId, InvoiceId, PaymentId
from vocabulary.money import ZERO, Money, total

__all__ = ["Finding", "MoneyEvent", "MoneyReport", "verify_money"]

MoneyEvent = InvoiceEvent | PaymentEvent | RefundEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What does not add up, where. `code`:

    - PAID_TWICE_OVER: one payment succeeded, or one refund went through, more than once
    - PAID_ANOTHER_AMOUNT: the provider has another sum than the payment's, which pays nothing and went nowhere
    - PAID_WITHOUT_PAYMENT, NOT_THE_TOTAL: an invoice is paid without money, or with another sum
    - MONEY_UNNOTICED: a payment succeeded and its invoice does not know
    - REFUND_WITHOUT_PAYMENT, REFUND_NOT_DUE: money went back that had not come, or that nothing said to return
    - REFUND_NOT_RETURNED, REFUND_NEEDS_A_PERSON: money is due to go back and has not gone, or every try failed
    - MONEY_IN_NEITHER: paid, the patient has no appointment for it, and nobody decided about the money
    - MONEY_IN_BOTH: the patient has the appointment and the money
    - REFUND_UNRECORDED: the money went back and the invoice still counts as paid
    """

    code: str
    tenant: str
    invoice_id: InvoiceId
    payment_id: PaymentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyReport:
    """`kept` is what came and did not go back."""

    invoices: int
    payments: int
    paid: Money
    refunded: Money
    kept: Money
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether everything adds up."""
        return not self.findings


@dataclass(slots=True, kw_only=True)
class _Payment:
    invoice_id: InvoiceId
    amount: Money
    successes: int = 0
    returns: int = 0
    requested: bool = False
    failed: bool = False
    another_amount: bool = False


@dataclass(slots=True, kw_only=True)
class _Invoice:
    total: Money
    paid_by: list[PaymentId] = field(default_factory=list)
    surplus: list[PaymentId] = field(default_factory=list)
    due: set[PaymentId] = field(default_factory=set)
    declined: bool = False
    refunded: bool = False
    reserved: bool = False


@dataclass(slots=True)
class _Ledger:
    """One tenant's money, folded."""

    invoices: dict[InvoiceId, _Invoice] = field(default_factory=dict)
    payments: dict[PaymentId, _Payment] = field(default_factory=dict)
    by_appointment: dict[AppointmentId, _Invoice] = field(default_factory=dict)


def verify_money(history: Iterable[tuple[str, MoneyEvent]]) -> MoneyReport:
    """Check the facts of all invoices, payments and refunds, each with its tenant, in the order of the log.

    The log must have come to rest: what is on its way between two streams shows as a finding.
    """
    ledgers: dict[str, _Ledger] = {}
    for tenant, event in history:
        _note(ledgers.setdefault(tenant, _Ledger()), event)
    payments = [payment for ledger in ledgers.values() for payment in ledger.payments.values()]
    paid = total(payment.amount * payment.successes for payment in payments)
    refunded = total(payment.amount * payment.returns for payment in payments)
    return MoneyReport(
        invoices=sum(len(ledger.invoices) for ledger in ledgers.values()),
        payments=len(payments),
        paid=paid,
        refunded=refunded,
        kept=paid - refunded if refunded <= paid else ZERO,
        findings=tuple(
            finding for tenant, ledger in ledgers.items() for finding in _findings(tenant, ledger)
        ),
    )


def _note(ledger: _Ledger, event: MoneyEvent) -> None:
    match event:
        case PreliminaryInvoiceIssued():
            invoice = _Invoice(total=event.invoice.total)
            ledger.invoices[event.invoice.invoice_id] = invoice
            ledger.by_appointment[event.invoice.appointment_id] = invoice
        case InvoicePaid():
            ledger.invoices[event.invoice.invoice_id].paid_by.append(event.payment_id)
        case SurplusPaymentReceived():
            ledger.invoices[event.invoice.invoice_id].surplus.append(event.payment_id)
        case AppointmentReservationNoted():
            ledger.by_appointment[event.appointment_id].reserved = True
        case AppointmentCancellationNoted():
            ledger.by_appointment[event.appointment_id].reserved = False
        case RefundDue():
            due = event.payment
            ledger.invoices[due.invoice_id].due.add(due.payment_id)
        case RefundDeclinedByPolicy():
            ledger.invoices[event.payment.invoice_id].declined = True
        case InvoiceRefunded():
            ledger.invoices[event.invoice.invoice_id].refunded = True
        case (
            PaymentStarted()
            | PaymentSucceeded()
            | AnotherAmountReported()
            | RefundRequested()
            | RefundFailed()
        ):
            _note_payment(ledger, event)
        case RefundSucceeded():
            _payment_of(ledger, event).returns += 1
        case _:
            pass  # the rest moves no money


def _note_payment(
    ledger: _Ledger,
    event: PaymentStarted
    | PaymentSucceeded
    | AnotherAmountReported
    | RefundRequested
    | RefundFailed,
) -> None:
    payment = _payment_of(ledger, event)
    match event:
        case PaymentSucceeded():
            payment.successes += 1
            payment.another_amount = False
        case AnotherAmountReported():
            payment.another_amount = True
        case RefundRequested():
            payment.requested = True
        case RefundFailed():
            payment.failed = True
        case _:
            pass  # a start is known by its amount alone


def _payment_of(
    ledger: _Ledger,
    event: PaymentStarted
    | PaymentSucceeded
    | AnotherAmountReported
    | RefundRequested
    | RefundFailed
    | RefundSucceeded,
) -> _Payment:
    details = event.payment
    return ledger.payments.setdefault(
        details.payment_id, _Payment(invoice_id=details.invoice_id, amount=details.amount)
    )


def _findings(tenant: str, ledger: _Ledger) -> Iterator[Finding]:
    for payment_id, payment in ledger.payments.items():
        invoice = ledger.invoices.get(payment.invoice_id)
        for code in _wrong_with_payment(payment_id, payment, invoice):
            yield Finding(
                code=code, tenant=tenant, invoice_id=payment.invoice_id, payment_id=payment_id
            )
    for invoice_id, invoice in ledger.invoices.items():
        for code in _wrong_with_invoice(invoice, ledger):
            yield Finding(code=code, tenant=tenant, invoice_id=invoice_id)


def _wrong_with_payment(
    payment_id: PaymentId, payment: _Payment, invoice: _Invoice | None
) -> Iterator[str]:
    known = [] if invoice is None else [*invoice.paid_by, *invoice.surplus]
    due = set() if invoice is None else invoice.due
    if payment.successes > 1 or payment.returns > 1:
        yield "PAID_TWICE_OVER"
    if payment.another_amount:
        yield "PAID_ANOTHER_AMOUNT"
    if payment.successes and payment_id not in known:
        yield "MONEY_UNNOTICED"
    if payment.returns > payment.successes:
        yield "REFUND_WITHOUT_PAYMENT"
    if (payment.requested or payment.returns) and payment_id not in due:
        yield "REFUND_NOT_DUE"
    if payment_id in due and not payment.returns:
        yield "REFUND_NEEDS_A_PERSON" if payment.failed else "REFUND_NOT_RETURNED"


def _wrong_with_invoice(invoice: _Invoice, ledger: _Ledger) -> Iterator[str]:
    received = [*invoice.paid_by, *invoice.surplus]
    payments = {each: ledger.payments.get(each, _NO_PAYMENT) for each in received}
    if any(not payment.successes for payment in payments.values()):
        yield "PAID_WITHOUT_PAYMENT"
    elif any(payment.amount != invoice.total for payment in payments.values()):
        yield "NOT_THE_TOTAL"
    if len(invoice.paid_by) > 1:
        yield "PAID_TWICE_OVER"
    returned = any(payments[each].returns for each in invoice.paid_by)
    decided = invoice.declined or any(each in invoice.due for each in invoice.paid_by)
    if invoice.paid_by and not invoice.reserved and not decided:
        yield "MONEY_IN_NEITHER"
    if invoice.reserved and returned:
        yield "MONEY_IN_BOTH"
    if returned and not invoice.refunded:
        yield "REFUND_UNRECORDED"


_NO_PAYMENT = _Payment(invoice_id=InvoiceId(UUID(int=0)), amount=ZERO)

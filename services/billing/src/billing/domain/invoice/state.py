"""What an invoice remembers: its money, the open try to pay it, and what became of the appointment."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from billing.domain.details import InvoiceDetails, InvoiceLine
from billing.domain.invoice.events import (
    AppointmentCancellationNoted,
    AppointmentReservationNoted,
    InvoiceCancelled,
    InvoiceEvent,
    InvoicePaid,
    InvoicePaymentClosed,
    InvoicePaymentOpened,
    InvoiceRefunded,
    PreliminaryInvoiceIssued,
    RefundDeclinedByPolicy,
    RefundDue,
    SurplusPaymentReceived,
)
from vocabulary.ids import PaymentId

__all__ = ["Invoice", "Issued", "Paying", "Status", "Unknown", "Visit", "evolve"]


class Status(StrEnum):
    """Of the invoice (BIL-05)."""

    OPEN = "OPEN"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


class Visit(StrEnum):
    """What booking has said of the appointment so far."""

    AWAITED = "AWAITED"
    RESERVED = "RESERVED"
    LAPSED = "LAPSED"
    """The hold ended; late money may still take the time again."""
    CANCELLED = "CANCELLED"
    """For good."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paying:
    """The tries to pay: all of them, and the open one."""

    tries: frozenset[PaymentId] = frozenset()
    open: PaymentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """`paid_by` is the payment that paid it, `surplus` are further ones.

    `decided` once it is settled whether its money stays; `going_back` when it does not.
    """

    invoice: InvoiceDetails
    lines: tuple[InvoiceLine, ...]
    pay_before: datetime | None
    status: Status = Status.OPEN
    visit: Visit = Visit.AWAITED
    paying: Paying = Paying()
    paid_by: PaymentId | None = None
    surplus: frozenset[PaymentId] = frozenset()
    decided: bool = False
    going_back: bool = False


Invoice = Unknown | Issued


def evolve(state: Invoice, event: InvoiceEvent) -> Invoice:
    if isinstance(event, PreliminaryInvoiceIssued):
        return Issued(invoice=event.invoice, lines=event.lines, pay_before=event.pay_before)
    if isinstance(state, Unknown):
        return state
    match event:
        case InvoicePaymentOpened():
            opened = event.payment.payment_id
            return replace(state, paying=Paying(tries=state.paying.tries | {opened}, open=opened))
        case InvoicePaymentClosed():
            return replace(state, paying=replace(state.paying, open=None))
        case InvoicePaid():
            return replace(
                state,
                status=Status.PAID,
                paid_by=event.payment_id,
                paying=_without(state.paying, event.payment_id),
            )
        case SurplusPaymentReceived():
            return replace(
                state,
                surplus=state.surplus | {event.payment_id},
                paying=_without(state.paying, event.payment_id),
            )
        case InvoiceCancelled():
            return replace(state, status=Status.CANCELLED)
        case AppointmentReservationNoted():
            return replace(state, visit=Visit.RESERVED)
        case AppointmentCancellationNoted():
            return replace(state, visit=Visit.CANCELLED if event.final else Visit.LAPSED)
        case RefundDue():
            if event.payment.payment_id != state.paid_by:
                return state
            return replace(state, decided=True, going_back=True)
        case RefundDeclinedByPolicy():
            return replace(state, decided=True)
        case InvoiceRefunded():
            return replace(state, status=Status.REFUNDED)
        case _:
            assert_never(event)


def _without(paying: Paying, payment_id: PaymentId) -> Paying:
    return replace(paying, open=None) if paying.open == payment_id else paying

"""Rules of an invoice: it is paid once and whole, and its money either pays a visit or goes back."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import assert_never
from uuid import UUID, uuid5

from billing.domain.details import (
    CancelledBy,
    InvoiceDetails,
    InvoiceSource,
    PaymentDetails,
    RefundCause,
)
from billing.domain.invoice.commands import (
    CancelInvoice,
    CloseInvoicePayment,
    InvoiceCommand,
    IssuePreliminaryInvoice,
    MarkInvoicePaid,
    MarkInvoiceRefunded,
    NoteLatePaymentRefusal,
    NoteReservation,
    OpenInvoicePayment,
)
from billing.domain.invoice.errors import (
    HoldEnded,
    InvoiceAlreadyPaid,
    InvoiceNotFound,
    InvoiceNotPaid,
    InvoiceVoid,
)
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
from billing.domain.invoice.state import Invoice, Issued, Status, Unknown, Visit, evolve
from decider import Decider
from vocabulary.ids import AppointmentId, InvoiceId, PaymentId
from vocabulary.money import total

__all__ = ["INVOICE", "decide", "invoice_id_of", "invoice_number"]

HOLD_EXPIRED = "HOLD_EXPIRED"

# Crockford's alphabet has no letters that are misread on paper or said alike on the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def decide(command: InvoiceCommand, state: Invoice) -> Sequence[InvoiceEvent]:
    match command:
        case IssuePreliminaryInvoice():
            return issue(command, state)
        case OpenInvoicePayment():
            return open_payment(command, state)
        case CloseInvoicePayment():
            return close_payment(command, state)
        case MarkInvoicePaid():
            return mark_paid(command, state)
        case NoteReservation():
            return note_reservation(command, state)
        case CancelInvoice():
            return cancel(command, state)
        case NoteLatePaymentRefusal():
            return note_late_payment_refusal(state)
        case MarkInvoiceRefunded():
            return mark_refunded(command, state)
        case _:
            assert_never(command)


def issue(command: IssuePreliminaryInvoice, state: Invoice) -> Sequence[PreliminaryInvoiceIssued]:
    """The lines and their total are fixed from here on (BIL-04)."""
    if isinstance(state, Issued):
        return []
    invoice = InvoiceDetails(
        invoice_id=command.invoice_id,
        number=invoice_number(command.invoice_id, command.issued_on),
        appointment_id=command.appointment_id,
        patient_id=command.patient_id,
        branch_id=command.branch_id,
        total=total(line.price for line in command.lines),
    )
    return [
        PreliminaryInvoiceIssued(
            invoice=invoice,
            issued_on=command.issued_on,
            source=InvoiceSource.APPOINTMENT,
            lines=command.lines,
            pay_before=command.pay_before,
        )
    ]


def open_payment(command: OpenInvoicePayment, state: Invoice) -> Sequence[InvoicePaymentOpened]:
    """The amount is the whole total, nothing else can be wished for (BIL-10)."""
    issued = _expect_issued(state)
    if command.payment_id in issued.paying.tries:
        return []
    if issued.status in (Status.PAID, Status.REFUNDED):
        raise InvoiceAlreadyPaid
    if issued.status is Status.CANCELLED:
        raise InvoiceVoid
    if issued.pay_before is not None and command.now >= issued.pay_before:
        raise HoldEnded(pay_before=issued.pay_before)
    if issued.paying.open is not None:
        return []
    policies = command.policies
    unheld = command.now + timedelta(minutes=policies.payment_minutes)
    expires_at = issued.pay_before or unheld
    return [
        InvoicePaymentOpened(
            payment=_payment(issued, command.payment_id),
            number=issued.invoice.number,
            lines=issued.lines,
            vat_code=policies.receipt_vat_code,
            return_url=command.return_url,
            receipt_email=command.receipt_email,
            opened_at=command.now,
            expires_at=expires_at,
            watched_until=expires_at + timedelta(minutes=policies.late_payment_watch_minutes),
        )
    ]


def close_payment(command: CloseInvoicePayment, state: Invoice) -> Sequence[InvoicePaymentClosed]:
    if _expect_issued(state).paying.open != command.payment_id:
        return []
    return [InvoicePaymentClosed(payment_id=command.payment_id)]


def mark_paid(command: MarkInvoicePaid, state: Invoice) -> Sequence[InvoiceEvent]:
    """Money that came is never refused: it pays the invoice, also a cancelled one, or goes back."""
    issued = _expect_issued(state)
    known = {issued.paid_by, *issued.surplus}
    if command.payment_id in known:
        return []
    if issued.paid_by is not None:
        surplus = SurplusPaymentReceived(
            invoice=issued.invoice, payment_id=command.payment_id, paid_at=command.paid_at
        )
        return [surplus, _refund(issued, command.payment_id, RefundCause.PAID_TWICE)]
    paid = InvoicePaid(
        invoice=issued.invoice, payment_id=command.payment_id, paid_at=command.paid_at
    )
    # A lapsed hold may be taken again, so booking answers; what a person ended does not come back.
    if issued.visit is Visit.CANCELLED:
        return [paid, _refund(issued, command.payment_id, RefundCause.LATE_PAYMENT)]
    return [paid]


def note_reservation(
    command: NoteReservation, state: Invoice
) -> Sequence[AppointmentReservationNoted]:
    if _expect_issued(state).visit in (Visit.RESERVED, Visit.CANCELLED):
        return []
    return [AppointmentReservationNoted(appointment_id=command.appointment_id)]


def cancel(command: CancelInvoice, state: Invoice) -> Sequence[InvoiceEvent]:
    """Void an open invoice (BIL-07); decide about the money of a paid one (BIL-42, BIL-43)."""
    match state:
        case Unknown():
            return []  # a free appointment has no invoice
        case Issued(visit=Visit.CANCELLED):
            return []
        case Issued():
            final = command.was_reserved or command.reason != HOLD_EXPIRED
            if state.visit is Visit.LAPSED and not final:
                return []
            noted = AppointmentCancellationNoted(
                appointment_id=command.appointment_id,
                by=command.by,
                reason=command.reason,
                was_reserved=command.was_reserved,
                lead_minutes=command.lead_minutes,
                refund_eligible=command.refund_eligible,
                final=final,
            )
            return [noted, *_consequences(command, state, final=final)]
        case _:
            assert_never(state)


def note_late_payment_refusal(state: Invoice) -> Sequence[RefundDue]:
    """Booking has not used the money, so it goes back: also where a cancellation that it decided unpaid had kept it."""
    issued = _expect_issued(state)
    if issued.paid_by is None:
        raise InvoiceNotPaid
    if issued.going_back:
        return []
    return [_refund(issued, issued.paid_by, RefundCause.LATE_PAYMENT)]


def mark_refunded(command: MarkInvoiceRefunded, state: Invoice) -> Sequence[InvoiceRefunded]:
    """The return of a surplus payment leaves the invoice paid."""
    issued = _expect_issued(state)
    if issued.status is not Status.PAID or command.payment_id != issued.paid_by:
        return []
    return [InvoiceRefunded(invoice=issued.invoice, payment_id=command.payment_id)]


def invoice_id_of(appointment_id: AppointmentId) -> InvoiceId:
    """The one invoice of an appointment, whoever asks and however often."""
    return InvoiceId(uuid5(appointment_id, "invoice"))


def invoice_number(invoice_id: InvoiceId, issued_on: date) -> str:
    """A number for people: the day, and 40 bits of the id: two of one day coincide once in 10^12 pairs."""
    rest = UUID(str(invoice_id)).int & ((1 << 40) - 1)
    digits = "".join(_ALPHABET[(rest >> shift) & 31] for shift in range(35, -1, -5))
    return f"{issued_on:%y%m%d}-{digits}"


def _consequences(
    command: CancelInvoice, issued: Issued, *, final: bool
) -> Sequence[InvoiceCancelled | RefundDue | RefundDeclinedByPolicy]:
    if issued.status is Status.OPEN:
        return [InvoiceCancelled(invoice=issued.invoice)]
    if issued.paid_by is None or issued.decided or not final:
        return []
    cause = _refund_cause(command)
    if cause is not None:
        return [_refund(issued, issued.paid_by, cause)]
    return [
        RefundDeclinedByPolicy(
            payment=_payment(issued, issued.paid_by), lead_minutes=command.lead_minutes
        )
    ]


def _refund_cause(command: CancelInvoice) -> RefundCause | None:
    """Booking has told the patient, by its own window, whether the money comes back; so it is (BIL-42)."""
    if command.by is not CancelledBy.PATIENT:
        return RefundCause.CANCELLED_BY_CLINIC
    return RefundCause.CANCELLED_IN_TIME if command.refund_eligible else None


def _refund(issued: Issued, payment_id: PaymentId, cause: RefundCause) -> RefundDue:
    return RefundDue(payment=_payment(issued, payment_id), cause=cause)


def _payment(issued: Issued, payment_id: PaymentId) -> PaymentDetails:
    invoice = issued.invoice
    return PaymentDetails(
        payment_id=payment_id,
        invoice_id=invoice.invoice_id,
        appointment_id=invoice.appointment_id,
        patient_id=invoice.patient_id,
        amount=invoice.total,
    )


def _expect_issued(state: Invoice) -> Issued:
    if isinstance(state, Unknown):
        raise InvoiceNotFound
    return state


INVOICE: Decider[InvoiceCommand, Invoice, InvoiceEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)

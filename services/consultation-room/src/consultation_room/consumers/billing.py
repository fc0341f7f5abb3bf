"""Payments: what the gate of the room asks (BIL-45)."""

from collections.abc import Callable, Sequence
from typing import Any

from consultation_room.consumers.booking import consultation_of
from consultation_room.domain.consultation.commands import RecordPayment, RecordRefund
from contracts.billing import InvoicePaid, InvoiceRefunded
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch
from vocabulary.ids import InvoiceId

__all__ = ["HANDLERS"]


def on_invoice_paid(event: InvoicePaid, _cause: Cause) -> Sequence[Dispatch]:
    consultation_id = consultation_of(event.appointment_id)
    paid = RecordPayment(consultation_id=consultation_id, invoice_id=InvoiceId(event.invoice_id))
    return [Dispatch(to="consultations", key=consultation_id, command=paid)]


def on_invoice_refunded(event: InvoiceRefunded, _cause: Cause) -> Sequence[Dispatch]:
    consultation_id = consultation_of(event.appointment_id)
    refunded = RecordRefund(consultation_id=consultation_id, invoice_id=InvoiceId(event.invoice_id))
    return [Dispatch(to="consultations", key=consultation_id, command=refunded)]


HANDLERS: dict[type[PublicEvent], Callable[[Any, Cause], Sequence[Dispatch]]] = {
    InvoicePaid: on_invoice_paid,
    InvoiceRefunded: on_invoice_refunded,
}

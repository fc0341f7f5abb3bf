"""What billing tells: that money came, did not come, goes back or stays (NTF-13, NTF-24)."""

from collections.abc import Sequence

from contracts.billing import (
    InvoiceCancelled,
    InvoicePaid,
    PaymentFailed,
    RefundDeclinedByPolicy,
    RefundRequested,
    RefundSucceeded,
)
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from notifications.application import Notifications
from notifications.application.queueing import known_plan, tell_of_appointment
from notifications.domain.message_types import MessageType
from notifications.domain.reminder_plan.commands import RecordMoneyOutcome, RecordPayment
from notifications.domain.reminder_plan.events import MoneyOutcome
from vocabulary.ids import AppointmentId

__all__ = ["HANDLERS"]


async def on_invoice_paid(
    event: InvoicePaid, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    """That it is paid matters too for what a cancellation says of the money."""
    paid = RecordPayment(appointment_id=AppointmentId(event.appointment_id))
    return [
        Dispatch(to="reminder_plans", key=event.appointment_id, command=paid),
        await _tell(event, MessageType.PAYMENT_SUCCEEDED, event.total_kopecks, cause, app),
    ]


async def on_payment_failed(
    event: PaymentFailed, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    return [await _tell(event, MessageType.PAYMENT_FAILED, event.amount_kopecks, cause, app)]


async def on_refund_succeeded(
    event: RefundSucceeded, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    return [await _tell(event, MessageType.REFUND_SUCCEEDED, event.amount_kopecks, cause, app)]


def on_refund_requested(event: RefundRequested, _cause: Cause) -> Sequence[Dispatch]:
    """What was paid a second time goes back whatever becomes of the appointment."""
    return [] if event.cause == "PAID_TWICE" else _decided(event, MoneyOutcome.RETURNED)


def on_refund_declined(event: RefundDeclinedByPolicy, _cause: Cause) -> Sequence[Dispatch]:
    return _decided(event, MoneyOutcome.KEPT)


def on_invoice_cancelled(event: InvoiceCancelled, _cause: Cause) -> Sequence[Dispatch]:
    return _decided(event, MoneyOutcome.NOTHING_PAID)


def _decided(
    event: RefundRequested | RefundDeclinedByPolicy | InvoiceCancelled, outcome: MoneyOutcome
) -> Sequence[Dispatch]:
    command = RecordMoneyOutcome(
        appointment_id=AppointmentId(event.appointment_id), outcome=outcome
    )
    return [Dispatch(to="reminder_plans", key=event.appointment_id, command=command)]


async def _tell(
    event: InvoicePaid | PaymentFailed | RefundSucceeded,
    message_type: MessageType,
    kopecks: int,
    cause: Cause,
    app: Notifications,
) -> Dispatch:
    _, details = await known_plan(app, cause, event.appointment_id)
    return await tell_of_appointment(
        app, cause, message_type, event.patient_id, details, amount_kopecks=str(kopecks)
    )


HANDLERS: dict[type[PublicEvent], Reaction] = {
    InvoicePaid: on_invoice_paid,
    PaymentFailed: on_payment_failed,
    InvoiceCancelled: on_invoice_cancelled,
    RefundRequested: on_refund_requested,
    RefundDeclinedByPolicy: on_refund_declined,
    RefundSucceeded: on_refund_succeeded,
}

"""Booking's word about appointments: invoices are issued, voided, and their money decided about (S1, S7)."""

from collections.abc import Sequence
from datetime import datetime

from billing.application import Billing
from billing.domain.details import CancelledBy
from billing.domain.invoice.commands import (
    CancelInvoice,
    IssuePreliminaryInvoice,
    NoteLatePaymentRefusal,
    NoteReservation,
)
from billing.domain.invoice.decider import invoice_id_of
from billing.domain.price_list.decider import line_of
from contracts.booking import (
    AppointmentCancelled,
    AppointmentFact,
    AppointmentRequested,
    AppointmentReserved,
    LatePaymentRefused,
)
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import AppointmentId, BranchId, PatientId, ServiceId
from vocabulary.zone import utc_to_local, zone_id

__all__ = ["HANDLERS"]


async def on_appointment_requested(
    event: AppointmentRequested, cause: Cause, billing: Billing
) -> None:
    if event.payment_mode != "FREE":
        await _issue(event, event.hold_expires_at, cause, billing)


async def on_appointment_reserved(
    event: AppointmentReserved, cause: Cause, billing: Billing
) -> Sequence[Dispatch]:
    """A visit that is booked first and paid later may be reserved without having been requested."""
    if event.payment_mode == "FREE":
        return []
    await _issue(event, None, cause, billing)
    appointment_id = AppointmentId(event.appointment_id)
    note = NoteReservation(appointment_id=appointment_id)
    return [Dispatch(to="invoices", key=invoice_id_of(appointment_id), command=note)]


def on_appointment_cancelled(event: AppointmentCancelled, _: Cause) -> Sequence[Dispatch]:
    appointment_id = AppointmentId(event.appointment_id)
    cancel = CancelInvoice(
        appointment_id=appointment_id,
        by=CancelledBy(event.by),
        reason=event.reason,
        was_reserved=event.was_reserved,
        lead_minutes=event.lead_minutes,
        refund_eligible=event.refund_eligible,
    )
    return [Dispatch(to="invoices", key=invoice_id_of(appointment_id), command=cancel)]


def on_late_payment_refused(event: LatePaymentRefused, _: Cause) -> Sequence[Dispatch]:
    appointment_id = AppointmentId(event.appointment_id)
    refused = NoteLatePaymentRefusal(appointment_id=appointment_id)
    return [Dispatch(to="invoices", key=invoice_id_of(appointment_id), command=refused)]


async def _issue(
    event: AppointmentFact, pay_before: datetime | None, cause: Cause, billing: Billing
) -> None:
    """The price is that of this moment, and the invoice's for ever. Raises ServiceNotPriced."""
    appointment_id = AppointmentId(event.appointment_id)
    invoice_id = invoice_id_of(appointment_id)
    prices, _ = await billing.price_lists.load(tenant=cause.tenant, key=event.branch_id)
    issue = IssuePreliminaryInvoice(
        invoice_id=invoice_id,
        appointment_id=appointment_id,
        patient_id=PatientId(event.patient_id),
        branch_id=BranchId(event.branch_id),
        lines=(line_of(prices, ServiceId(event.service_id)),),
        issued_on=utc_to_local(cause.now, zone_id(event.zone)).date(),
        pay_before=pay_before,
    )
    await billing.invoices.handle(issue, key=invoice_id, context=cause.command("issue"))


HANDLERS: dict[type[PublicEvent], Reaction] = {
    AppointmentRequested: on_appointment_requested,
    AppointmentReserved: on_appointment_reserved,
    AppointmentCancelled: on_appointment_cancelled,
    LatePaymentRefused: on_late_payment_refused,
}

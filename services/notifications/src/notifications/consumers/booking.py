"""What booking tells: the life of an appointment. Its patient hears of it, of its move or end its doctor too."""

from collections.abc import Sequence

import msgspec

from contracts.booking import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentReserved,
    LatePaymentRefused,
)
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from notifications.application import Notifications
from notifications.application.queueing import known_plan, tell_of_appointment
from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.message_types import MessageType
from notifications.domain.reminder_plan.commands import (
    NoteAppointment,
    NoteCancellation,
    PlanReminders,
    RecordPayment,
    WithdrawReminders,
)
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId
from vocabulary.zone import zone_id

__all__ = ["HANDLERS"]


def on_appointment_requested(event: AppointmentRequested, _cause: Cause) -> Sequence[Dispatch]:
    """Nobody is told yet; but its end may have to be told, and does not repeat these facts."""
    return [_to_plan(event.appointment_id, NoteAppointment(details=_details(event)))]


async def on_appointment_reserved(
    event: AppointmentReserved, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    """A letter with a link to the booking card (NTF-09), and reminders from now on (NTF-11)."""
    details = _details(event)
    await _plan(details, 0, cause, app)
    paid = RecordPayment(appointment_id=details.appointment_id)
    return [
        *([_to_plan(event.appointment_id, paid)] if event.payment_status == "PAID" else []),
        await tell_of_appointment(
            app,
            cause,
            MessageType.APPOINTMENT_RESERVED,
            details.patient_id,
            details,
            calendar="REQUEST",
            sequence="0",
        ),
    ]


async def on_appointment_rescheduled(
    event: AppointmentRescheduled, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    details = _details(event)
    await _plan(details, event.sequence, cause, app)
    moved = {"previous_starts_at": event.previous_starts_at.isoformat()}
    kind = MessageType.APPOINTMENT_RESCHEDULED
    calendar = {"calendar": "REQUEST", "sequence": str(event.sequence)}
    return [
        await tell_of_appointment(
            app, cause, kind, details.patient_id, details, **moved, **calendar
        ),
        await tell_of_appointment(app, cause, kind, details.clinician_id, details, **moved),
    ]


async def on_appointment_cancelled(
    event: AppointmentCancelled, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    """Both sides hear of it, as soon as billing has said what becomes of the money (NTF-13).

    A hold that lapsed has no reminders yet; a repeat of its end must not withdraw those of what late money has brought
    back.
    """
    _, details = await known_plan(app, cause, event.appointment_id)
    if not event.was_reserved and event.reason == "HOLD_EXPIRED":
        return [
            await tell_of_appointment(
                app, cause, MessageType.HOLD_EXPIRED, details.patient_id, details
            )
        ]
    cancelled = NoteCancellation(by=event.by, was_reserved=event.was_reserved, now=cause.now)
    return [_to_plan(event.appointment_id, cancelled)]


def on_appointment_completed(event: AppointmentCompleted, _cause: Cause) -> Sequence[Dispatch]:
    """A visit may be over before its time: there is nothing left to remind of."""
    withdraw = WithdrawReminders(appointment_id=AppointmentId(event.appointment_id))
    return [_to_plan(event.appointment_id, withdraw)]


async def on_late_payment_refused(
    event: LatePaymentRefused, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    _, details = await known_plan(app, cause, event.appointment_id)
    return [
        await tell_of_appointment(app, cause, MessageType.LATE_PAYMENT, event.patient_id, details)
    ]


async def _plan(
    details: AppointmentDetails, sequence: int, cause: Cause, app: Notifications
) -> None:
    rules, version = await app.policies.at(cause.tenant, cause.now)
    context = cause.command("plan")
    await app.reminder_plans.handle(
        PlanReminders(
            details=details,
            sequence=sequence,
            minutes_before=rules.reminder_minutes,
            now=cause.now,
        ),
        key=details.appointment_id,
        context=msgspec.structs.replace(
            context, metadata=msgspec.structs.replace(context.metadata, policy=version)
        ),
    )


def _to_plan(appointment_id: object, command: object) -> Dispatch:
    return Dispatch(to="reminder_plans", key=appointment_id, command=command)


def _details(
    event: AppointmentRequested | AppointmentReserved | AppointmentRescheduled,
) -> AppointmentDetails:
    return AppointmentDetails(
        appointment_id=AppointmentId(event.appointment_id),
        patient_id=PatientId(event.patient_id),
        clinician_id=ClinicianId(event.clinician_id),
        doctor_name=event.doctor_name,
        specialty=event.specialty,
        branch_id=BranchId(event.branch_id),
        zone=zone_id(event.zone),
        kind=event.kind,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        payable=event.payment_mode != "FREE",
    )


HANDLERS: dict[type[PublicEvent], Reaction] = {
    AppointmentRequested: on_appointment_requested,
    AppointmentReserved: on_appointment_reserved,
    AppointmentRescheduled: on_appointment_rescheduled,
    AppointmentCancelled: on_appointment_cancelled,
    AppointmentCompleted: on_appointment_completed,
    LatePaymentRefused: on_late_payment_refused,
}

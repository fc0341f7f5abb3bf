"""The life of an appointment, as all other services hear of it."""

from dataclasses import fields
from typing import Any

from booking.domain.appointment import events as own
from booking.domain.details import AppointmentDetails
from contracts import booking as public
from contracts.fact import PublicEvent
from messaging import Envelope

__all__ = ["publish"]

_DETAILS = tuple(field.name for field in fields(AppointmentDetails))


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    """The public fact, or None: slots, schedules, quotas and copies stay inside."""
    match event:
        case own.AppointmentRequested():
            return public.AppointmentRequested(
                **_fact(event.details), hold_expires_at=event.hold_expires_at
            )
        case own.AppointmentReserved():
            return public.AppointmentReserved(
                **_fact(event.details), payment_status=event.payment_status.value
            )
        case own.AppointmentRescheduled():
            return public.AppointmentRescheduled(
                **_fact(event.details),
                previous_starts_at=event.previous_starts_at,
                previous_ends_at=event.previous_ends_at,
                sequence=event.sequence,
            )
        case own.AppointmentCancelled():
            return _cancelled(event)
        case own.LatePaymentRefused():
            return public.LatePaymentRefused(
                appointment_id=event.details.appointment_id,
                patient_id=event.details.patient_id,
                invoice_id=event.invoice_id,
            )
        case own.AppointmentCompleted():
            return public.AppointmentCompleted(
                appointment_id=event.details.appointment_id,
                patient_id=event.details.patient_id,
                clinician_id=event.details.clinician_id,
            )
        case _:
            return None


def _cancelled(event: own.AppointmentCancelled) -> public.AppointmentCancelled:
    details = event.details
    return public.AppointmentCancelled(
        appointment_id=details.appointment_id,
        patient_id=details.patient_id,
        clinician_id=details.clinician_id,
        starts_at=details.starts_at,
        by=event.by.value,
        reason=event.reason,
        was_reserved=event.was_reserved,
        lead_minutes=event.lead_minutes,
        refund_eligible=event.refund_eligible,
    )


def _fact(details: AppointmentDetails) -> dict[str, Any]:
    """The fields of `AppointmentFact`, which has those of the details."""
    return {
        **{name: getattr(details, name) for name in _DETAILS},
        "kind": details.kind.value,
        "payment_mode": details.payment_mode.value,
    }

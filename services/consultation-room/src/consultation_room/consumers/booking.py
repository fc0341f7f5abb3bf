"""Appointments: online ones have a room, from their reservation on (ROOM-01)."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from consultation_room.application import ConsultationRoom
from consultation_room.domain.consultation.commands import (
    CancelConsultation,
    OpenConsultation,
    RescheduleConsultation,
)
from consultation_room.domain.details import (
    Channel,
    ConsultationDetails,
    ConsultationType,
    Participants,
    PaymentStatus,
)
from contracts.booking import AppointmentCancelled, AppointmentRescheduled, AppointmentReserved
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    ConsultationId,
    PatientId,
    ServiceId,
)
from vocabulary.zone import zone_id

__all__ = ["HANDLERS", "consultation_of"]


def consultation_of(appointment_id: UUID) -> ConsultationId:
    """Every appointment has at most one consultation, so its id follows from the appointment's."""
    return ConsultationId(uuid5(appointment_id, "consultation"))


async def on_appointment_reserved(
    event: AppointmentReserved, cause: Cause, room: ConsultationRoom
) -> Sequence[Dispatch]:
    if event.kind != "ONLINE":
        return []
    consultation_id = consultation_of(event.appointment_id)
    channel = event.preferred_channel
    details = ConsultationDetails(
        participants=Participants(
            consultation_id=consultation_id,
            appointment_id=AppointmentId(event.appointment_id),
            patient_id=PatientId(event.patient_id),
            clinician_id=ClinicianId(event.clinician_id),
        ),
        doctor_name=event.doctor_name,
        specialty=event.specialty,
        branch_id=BranchId(event.branch_id),
        zone=zone_id(event.zone),
        service_id=ServiceId(event.service_id),
        consultation_type=ConsultationType(event.consultation_type),
        preferred_channel=None if channel is None else Channel(channel),
        planned_start=event.starts_at,
        planned_end=event.ends_at,
    )
    status = PaymentStatus(event.payment_status)
    policies, _ = await room.policies.at(cause.tenant, cause.now)
    opened = OpenConsultation(
        details=details, payment_status=status, no_show_minutes=policies.no_show_minutes
    )
    return [_to(consultation_id, opened)]


def on_appointment_rescheduled(event: AppointmentRescheduled, _cause: Cause) -> Sequence[Dispatch]:
    if event.kind != "ONLINE":
        return []
    consultation_id = consultation_of(event.appointment_id)
    moved = RescheduleConsultation(
        consultation_id=consultation_id,
        planned_start=event.starts_at,
        planned_end=event.ends_at,
    )
    return [_to(consultation_id, moved)]


def on_appointment_cancelled(event: AppointmentCancelled, _cause: Cause) -> Sequence[Dispatch]:
    """What was not reserved has no room yet; late money may still give it one, which a repeat must not end."""
    if not event.was_reserved:
        return []
    consultation_id = consultation_of(event.appointment_id)
    return [_to(consultation_id, CancelConsultation(consultation_id=consultation_id))]


def _to(consultation_id: ConsultationId, command: object) -> Dispatch:
    return Dispatch(to="consultations", key=consultation_id, command=command)


HANDLERS: dict[type[PublicEvent], Reaction] = {
    AppointmentReserved: on_appointment_reserved,
    AppointmentRescheduled: on_appointment_rescheduled,
    AppointmentCancelled: on_appointment_cancelled,
}

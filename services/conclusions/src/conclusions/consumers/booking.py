"""What booking tells: when an appointment is."""

from collections.abc import Sequence

from conclusions.domain.appointment.commands import RecordAppointment
from conclusions.domain.appointment.events import AppointmentRecorded
from contracts.booking import AppointmentRescheduled, AppointmentReserved
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import AppointmentId
from vocabulary.zone import zone_id

__all__ = ["HANDLERS"]


def on_appointment(
    event: AppointmentReserved | AppointmentRescheduled, _cause: Cause
) -> Sequence[Dispatch]:
    appointment = AppointmentRecorded(
        appointment_id=AppointmentId(event.appointment_id),
        starts_at=event.starts_at,
        zone=zone_id(event.zone),
    )
    command = RecordAppointment(appointment=appointment)
    return [Dispatch(to="appointments", key=event.appointment_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {
    AppointmentReserved: on_appointment,
    AppointmentRescheduled: on_appointment,
}

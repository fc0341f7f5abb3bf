"""What the consultation room tells: that the doctor has begun or ended a consultation, or that nobody took it."""

from collections.abc import Sequence

from booking.domain.appointment.commands import (
    CompleteAppointment,
    MarkNoShow,
    StartAppointment,
)
from contracts.consultation_room import (
    ConsultationCompleted,
    ConsultationExpired,
    ConsultationTakenInWork,
)
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import AppointmentId

__all__ = ["HANDLERS"]


def on_consultation_taken_in_work(
    event: ConsultationTakenInWork, _cause: Cause
) -> Sequence[Dispatch]:
    command = StartAppointment(appointment_id=AppointmentId(event.appointment_id))
    return [Dispatch(to="appointments", key=event.appointment_id, command=command)]


def on_consultation_completed(event: ConsultationCompleted, _cause: Cause) -> Sequence[Dispatch]:
    command = CompleteAppointment(appointment_id=AppointmentId(event.appointment_id))
    return [Dispatch(to="appointments", key=event.appointment_id, command=command)]


def on_consultation_expired(event: ConsultationExpired, _cause: Cause) -> Sequence[Dispatch]:
    command = MarkNoShow(appointment_id=AppointmentId(event.appointment_id))
    return [Dispatch(to="appointments", key=event.appointment_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {
    ConsultationTakenInWork: on_consultation_taken_in_work,
    ConsultationCompleted: on_consultation_completed,
    ConsultationExpired: on_consultation_expired,
}

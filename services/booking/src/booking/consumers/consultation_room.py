"""What the consultation room tells: that the doctor has ended a consultation."""

from collections.abc import Sequence

from booking.domain.appointment.commands import CompleteAppointment
from contracts.consultation_room import ConsultationCompleted
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import AppointmentId

__all__ = ["HANDLERS"]


def on_consultation_completed(event: ConsultationCompleted, _cause: Cause) -> Sequence[Dispatch]:
    command = CompleteAppointment(appointment_id=AppointmentId(event.appointment_id))
    return [Dispatch(to="appointments", key=event.appointment_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {ConsultationCompleted: on_consultation_completed}

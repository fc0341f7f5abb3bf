"""What the consultation room tells: that the doctor has begun or ended a consultation, or never took it."""

from collections.abc import Sequence

from booking.domain.appointment.commands import (
    CancelAppointment,
    CompleteAppointment,
    MarkNoShow,
    StartAppointment,
)
from booking.domain.appointment.events import DOCTOR_ABSENT, CancelledBy
from booking.domain.policies import BookingPolicies
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


def on_consultation_expired(event: ConsultationExpired, cause: Cause) -> Sequence[Dispatch]:
    """A patient who waited in vain has not stayed away: the doctor has, and what was paid goes back (BIL-43)."""
    appointment_id = AppointmentId(event.appointment_id)
    command: CancelAppointment | MarkNoShow = MarkNoShow(appointment_id=appointment_id)
    if event.patient_waited:
        command = CancelAppointment(
            appointment_id=appointment_id,
            by=CancelledBy.DOCTOR,
            reason=DOCTOR_ABSENT,
            policies=BookingPolicies(),
            now=cause.now,
        )
    return [Dispatch(to="appointments", key=appointment_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {
    ConsultationTakenInWork: on_consultation_taken_in_work,
    ConsultationCompleted: on_consultation_completed,
    ConsultationExpired: on_consultation_expired,
}

"""What was told of an appointment is recorded once per change."""

from collections.abc import Sequence

from conclusions.domain.appointment.commands import AppointmentCommand
from conclusions.domain.appointment.events import AppointmentEvent
from conclusions.domain.appointment.state import Appointment, evolve
from decider import Decider

__all__ = ["APPOINTMENT", "decide"]


def decide(command: AppointmentCommand, state: Appointment) -> Sequence[AppointmentEvent]:
    return [] if command.appointment == state else [command.appointment]


APPOINTMENT: Decider[AppointmentCommand, Appointment, AppointmentEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)

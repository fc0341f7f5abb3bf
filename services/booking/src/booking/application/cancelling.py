"""Cancelling an appointment that may be so young that its stream has not begun."""

import asyncio

from booking.application import Appointments
from booking.domain.appointment.commands import CancelAppointment
from booking.domain.appointment.errors import AppointmentNotFound
from booking.domain.appointment.events import AppointmentEvent
from booking.domain.appointment.state import Appointment
from event_store import CommandContext, Handled

__all__ = ["cancel"]

_PAUSE_SECONDS = 0.02


async def cancel(
    appointments: Appointments,
    command: CancelAppointment,
    context: CommandContext,
    *,
    patience_seconds: float,
) -> Handled[Appointment, AppointmentEvent]:
    """Cancel an appointment that is known to exist.

    A claimed slot becomes an appointment a moment later, by the process; this waits for it. Raises what the rules
    refuse.
    """
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        try:
            return await appointments.handle(command, key=command.appointment_id, context=context)
        except AppointmentNotFound:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)

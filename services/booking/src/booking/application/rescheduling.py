"""Asking for another time, and waiting until the process has an answer."""

import asyncio
from typing import TypeAlias

from booking.application import Appointments
from booking.domain.appointment.commands import RequestReschedule
from booking.domain.appointment.events import AppointmentEvent
from booking.domain.appointment.state import Appointment, Reserved
from event_store import CommandContext, Handled

__all__ = ["move"]

Answer: TypeAlias = Handled[Appointment, AppointmentEvent]

_PAUSE_SECONDS = 0.02


async def move(
    appointments: Appointments,
    command: RequestReschedule,
    context: CommandContext,
    *,
    patience_seconds: float,
) -> Answer:
    """Request the move, and repeat the wish, which changes nothing, until the answer is in.

    The state answered has no open move, unless patience ran out. Raises what the rules refuse.
    """
    handled = await appointments.handle(command, key=command.appointment_id, context=context)
    repeat = CommandContext(command_id=context.command_id, metadata=context.metadata)
    try:
        async with asyncio.timeout(patience_seconds):
            while isinstance(handled.state, Reserved) and handled.state.open_move is not None:
                await asyncio.sleep(_PAUSE_SECONDS)
                handled = await appointments.handle(
                    command, key=command.appointment_id, context=repeat
                )
    except TimeoutError:
        pass
    return handled

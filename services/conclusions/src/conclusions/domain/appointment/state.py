"""What is remembered of an appointment: the last that was told."""

from conclusions.domain.appointment.events import AppointmentEvent, AppointmentRecorded

__all__ = ["Appointment", "evolve"]

Appointment = AppointmentRecorded | None


def evolve(_state: Appointment, event: AppointmentEvent) -> Appointment:
    return event

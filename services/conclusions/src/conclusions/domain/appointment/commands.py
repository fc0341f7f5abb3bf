"""Wishes about the copy of an appointment."""

from dataclasses import dataclass

from conclusions.domain.appointment.events import AppointmentRecorded

__all__ = ["AppointmentCommand", "RecordAppointment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAppointment:
    appointment: AppointmentRecorded


AppointmentCommand = RecordAppointment

"""Wishes about a reminder plan."""

from dataclasses import dataclass
from datetime import datetime

from notifications.domain.appointment_details import AppointmentDetails
from vocabulary.ids import AppointmentId

__all__ = [
    "NoteAppointment",
    "PlanReminders",
    "RecordPayment",
    "RecordReminderDue",
    "ReminderPlanCommand",
    "WithdrawReminders",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAppointment:
    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReminders:
    """`minutes_before` is the policy; `sequence` how often the appointment has been moved."""

    details: AppointmentDetails
    sequence: int
    minutes_before: tuple[int, ...]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReminderDue:
    """`due_at` is the planned instant that has come."""

    due_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawReminders:
    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    appointment_id: AppointmentId


ReminderPlanCommand = (
    NoteAppointment | PlanReminders | RecordReminderDue | WithdrawReminders | RecordPayment
)

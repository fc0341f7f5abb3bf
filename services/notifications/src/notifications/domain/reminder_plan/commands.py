"""Wishes about a reminder plan."""

from dataclasses import dataclass
from datetime import datetime

from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.reminder_plan.events import MoneyOutcome
from vocabulary.ids import AppointmentId

__all__ = [
    "NoteAppointment",
    "NoteCancellation",
    "PlanReminders",
    "RecordMoneyOutcome",
    "RecordPayment",
    "RecordReminderDue",
    "ReminderPlanCommand",
    "SettleCancellation",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMoneyOutcome:
    """Billing has decided about the money."""

    appointment_id: AppointmentId
    outcome: MoneyOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCancellation:
    """The appointment will not take place; `was_reserved` is False when only a hold ended."""

    by: str
    was_reserved: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleCancellation:
    """Billing has had its time."""

    now: datetime


ReminderPlanCommand = (
    NoteAppointment
    | PlanReminders
    | RecordReminderDue
    | WithdrawReminders
    | RecordPayment
    | RecordMoneyOutcome
    | NoteCancellation
    | SettleCancellation
)

"""Facts of a reminder plan. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime

from notifications.domain.appointment_details import AppointmentDetails
from vocabulary.ids import AppointmentId

__all__ = [
    "STORED_NAMES",
    "AppointmentNoted",
    "PaymentRecorded",
    "ReminderDue",
    "ReminderPlanEvent",
    "RemindersPlanned",
    "RemindersWithdrawn",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentNoted:
    """A slot is asked for; there is nothing to remind of yet."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindersPlanned:
    """The appointment stands at this time after `sequence` moves; reminders are due at these instants, in order."""

    details: AppointmentDetails
    sequence: int
    due_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderDue:
    """The patient is to be reminded now; the reminder was planned for `due_at`."""

    details: AppointmentDetails
    sequence: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindersWithdrawn:
    """The appointment will not take place."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecorded:
    """The appointment is paid."""

    appointment_id: AppointmentId


ReminderPlanEvent = (
    AppointmentNoted | RemindersPlanned | ReminderDue | RemindersWithdrawn | PaymentRecorded
)

STORED_NAMES: dict[type[ReminderPlanEvent], str] = {
    AppointmentNoted: "AppointmentNoted.v1",
    RemindersPlanned: "RemindersPlanned.v1",
    ReminderDue: "ReminderDue.v1",
    RemindersWithdrawn: "RemindersWithdrawn.v1",
    PaymentRecorded: "PaymentRecorded.v1",
}

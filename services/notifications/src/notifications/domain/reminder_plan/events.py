"""Facts of a reminder plan. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from notifications.domain.appointment_details import AppointmentDetails
from vocabulary.ids import AppointmentId

__all__ = [
    "STORED_NAMES",
    "AppointmentNoted",
    "CancellationNoted",
    "CancellationSettled",
    "MoneyOutcome",
    "MoneyOutcomeRecorded",
    "PaymentRecorded",
    "ReminderDue",
    "ReminderPlanEvent",
    "RemindersPlanned",
    "RemindersWithdrawn",
]


class MoneyOutcome(StrEnum):
    """What becomes of the money of an appointment that does not take place."""

    RETURNED = "RETURNED"
    KEPT = "KEPT"
    NOTHING_PAID = "NOTHING_PAID"
    UNDECIDED = "UNDECIDED"


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
    """The appointment will not take place, or has taken place: there is nothing to remind of."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecorded:
    """The appointment is paid."""

    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyOutcomeRecorded:
    """Billing has decided about the money."""

    appointment_id: AppointmentId
    outcome: MoneyOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationNoted:
    """It will not take place. Who is told of it is told when billing has decided, or at `tell_by` without."""

    appointment_id: AppointmentId
    by: str
    was_reserved: bool
    tell_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationSettled:
    """Both sides are to be told now, with what becomes of the money. `sequence` is for calendars."""

    details: AppointmentDetails
    by: str
    was_reserved: bool
    outcome: MoneyOutcome
    sequence: int


ReminderPlanEvent = (
    AppointmentNoted
    | RemindersPlanned
    | ReminderDue
    | RemindersWithdrawn
    | PaymentRecorded
    | MoneyOutcomeRecorded
    | CancellationNoted
    | CancellationSettled
)

STORED_NAMES: dict[type[ReminderPlanEvent], str] = {
    AppointmentNoted: "AppointmentNoted.v1",
    RemindersPlanned: "RemindersPlanned.v1",
    ReminderDue: "ReminderDue.v1",
    RemindersWithdrawn: "RemindersWithdrawn.v1",
    PaymentRecorded: "PaymentRecorded.v1",
    MoneyOutcomeRecorded: "MoneyOutcomeRecorded.v1",
    CancellationNoted: "CancellationNoted.v1",
    CancellationSettled: "CancellationSettled.v1",
}

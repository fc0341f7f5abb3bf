"""Reminders come some time before an appointment (NTF-11)."""

from uuid import UUID

from messaging import Dispatch
from notifications.domain.reminder_plan.commands import RecordReminderDue
from notifications.domain.reminder_plan.events import RemindersPlanned, RemindersWithdrawn
from read_models import Fact
from timers import Deadline, Due, Elapsed

__all__ = ["REMINDERS"]


def of_planned(event: RemindersPlanned, _fact: Fact) -> Due:
    return Due(key=event.details.appointment_id, at=event.due_at)


def of_withdrawn(event: RemindersWithdrawn, _fact: Fact) -> UUID:
    return event.appointment_id


def remind(elapsed: Elapsed) -> Dispatch:
    command = RecordReminderDue(due_at=elapsed.at, now=elapsed.now)
    return Dispatch(to="reminder_plans", key=elapsed.key, command=command)


REMINDERS = Deadline(
    name="reminders",
    sets={RemindersPlanned: of_planned},
    cancels={RemindersWithdrawn: of_withdrawn},
    fire=remind,
)

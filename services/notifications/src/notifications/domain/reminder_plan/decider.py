"""Rules of reminders: some time before the appointment, each once, none of one that was moved or cancelled (NTF-11)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from decider import Decider
from notifications.domain.reminder_plan.commands import (
    NoteAppointment,
    PlanReminders,
    RecordPayment,
    RecordReminderDue,
    ReminderPlanCommand,
    WithdrawReminders,
)
from notifications.domain.reminder_plan.events import (
    AppointmentNoted,
    PaymentRecorded,
    ReminderDue,
    ReminderPlanEvent,
    RemindersPlanned,
    RemindersWithdrawn,
)
from notifications.domain.reminder_plan.state import ReminderPlan, evolve

__all__ = ["REMINDER_PLAN", "decide"]


def decide(command: ReminderPlanCommand, state: ReminderPlan) -> Sequence[ReminderPlanEvent]:
    match command:
        case NoteAppointment():
            return [] if state.details else [AppointmentNoted(details=command.details)]
        case PlanReminders():
            return plan(command, state)
        case RecordReminderDue():
            return remind(command, state)
        case WithdrawReminders():
            withdrawn = RemindersWithdrawn(appointment_id=command.appointment_id)
            return [withdrawn] if state.reserved else []
        case RecordPayment():
            paid = PaymentRecorded(appointment_id=command.appointment_id)
            return [] if state.paid else [paid]
        case _:
            assert_never(command)


def plan(command: PlanReminders, state: ReminderPlan) -> Sequence[RemindersPlanned]:
    """A plan without any instant replaces an earlier one too: that one was for another time."""
    if state.reserved and command.sequence <= state.sequence:
        return []
    starts_at = command.details.starts_at
    instants = {starts_at - timedelta(minutes=minutes) for minutes in command.minutes_before}
    due_at = tuple(sorted(instant for instant in instants if instant > command.now))
    return [RemindersPlanned(details=command.details, sequence=command.sequence, due_at=due_at)]


def remind(command: RecordReminderDue, state: ReminderPlan) -> Sequence[ReminderDue]:
    """Nothing for a timer that is repeated, too early, of another plan, so late that the next reminder is due, or so
    late that the appointment has begun.
    """
    if state.details is None or command.due_at not in state.ahead:
        return []
    latest = max((due_at for due_at in state.ahead if due_at <= command.now), default=None)
    if command.due_at != latest or command.now >= state.details.starts_at:
        return []
    return [ReminderDue(details=state.details, sequence=state.sequence, due_at=command.due_at)]


REMINDER_PLAN: Decider[ReminderPlanCommand, ReminderPlan, ReminderPlanEvent] = Decider(
    initial=ReminderPlan(), decide=decide, evolve=evolve
)

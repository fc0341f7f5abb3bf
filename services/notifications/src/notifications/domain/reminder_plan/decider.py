"""Rules of reminders: some time before the appointment, each once, none of one that was moved or is over (NTF-11).

A cancellation is told once, with what billing has decided about the money (NTF-13); booking alone does not know whether
any came.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never

from decider import Decider
from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.reminder_plan.commands import (
    NoteAppointment,
    NoteCancellation,
    PlanReminders,
    RecordMoneyOutcome,
    RecordPayment,
    RecordReminderDue,
    ReminderPlanCommand,
    SettleCancellation,
    WithdrawReminders,
)
from notifications.domain.reminder_plan.events import (
    AppointmentNoted,
    CancellationNoted,
    CancellationSettled,
    MoneyOutcome,
    MoneyOutcomeRecorded,
    PaymentRecorded,
    ReminderDue,
    ReminderPlanEvent,
    RemindersPlanned,
    RemindersWithdrawn,
)
from notifications.domain.reminder_plan.state import ReminderPlan, evolve
from vocabulary.ids import AppointmentId

__all__ = ["MONEY_WAIT", "REMINDER_PLAN", "decide"]

MONEY_WAIT: Final = timedelta(minutes=2)
"""How long a cancellation waits for billing's word before it is told without."""


def decide(command: ReminderPlanCommand, state: ReminderPlan) -> Sequence[ReminderPlanEvent]:
    match command:
        case NoteAppointment():
            return [] if state.details else [AppointmentNoted(details=command.details)]
        case PlanReminders():
            return plan(command, state)
        case RecordReminderDue():
            return remind(command, state)
        case WithdrawReminders():
            return _withdrawn(command.appointment_id, state)
        case RecordPayment():
            paid = PaymentRecorded(appointment_id=command.appointment_id)
            return [] if state.paid else [paid]
        case RecordMoneyOutcome():
            return record_money(command, state)
        case NoteCancellation():
            return note_cancellation(command, state)
        case SettleCancellation():
            return settle_cancellation(command, state)
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


def record_money(
    command: RecordMoneyOutcome, state: ReminderPlan
) -> Sequence[MoneyOutcomeRecorded | CancellationSettled]:
    """Heard behind the payment, a void invoice is that of a hold which the payment has brought back."""
    stale = command.outcome is MoneyOutcome.NOTHING_PAID and state.paid
    if stale or command.outcome is state.money:
        return []
    recorded = MoneyOutcomeRecorded(appointment_id=command.appointment_id, outcome=command.outcome)
    if state.details is None or state.cancellation is None or state.settled:
        return [recorded]
    return [recorded, _settled(state.details, state.cancellation, state, command.outcome)]


def note_cancellation(
    command: NoteCancellation, state: ReminderPlan
) -> Sequence[RemindersWithdrawn | CancellationNoted | CancellationSettled]:
    details = state.details
    if details is None or state.cancellation is not None:
        return []
    noted = CancellationNoted(
        appointment_id=details.appointment_id,
        by=command.by,
        was_reserved=command.was_reserved,
        tell_by=command.now + MONEY_WAIT,
    )
    withdrawn = _withdrawn(details.appointment_id, state) if command.was_reserved else ()
    outcome = state.money if details.payable else MoneyOutcome.NOTHING_PAID
    known = () if outcome is None else (_settled(details, noted, state, outcome),)
    return [*withdrawn, noted, *known]


def settle_cancellation(
    command: SettleCancellation, state: ReminderPlan
) -> Sequence[CancellationSettled]:
    noted, details = state.cancellation, state.details
    if details is None or noted is None or state.settled or command.now < noted.tell_by:
        return []
    return [_settled(details, noted, state, MoneyOutcome.UNDECIDED)]


def _withdrawn(appointment_id: AppointmentId, state: ReminderPlan) -> Sequence[RemindersWithdrawn]:
    return [RemindersWithdrawn(appointment_id=appointment_id)] if state.reserved else []


def _settled(
    details: AppointmentDetails,
    noted: CancellationNoted,
    state: ReminderPlan,
    outcome: MoneyOutcome,
) -> CancellationSettled:
    return CancellationSettled(
        details=details,
        by=noted.by,
        was_reserved=noted.was_reserved,
        outcome=outcome,
        # RFC 5546, 3.2.5: a cancellation has a sequence number of its own.
        sequence=state.sequence + 1,
    )


REMINDER_PLAN: Decider[ReminderPlanCommand, ReminderPlan, ReminderPlanEvent] = Decider(
    initial=ReminderPlan(), decide=decide, evolve=evolve
)

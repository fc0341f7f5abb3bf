"""What a reminder plan remembers."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from notifications.domain.appointment_details import AppointmentDetails
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

__all__ = ["ReminderPlan", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderPlan:
    """`details` are None until booking was heard; `reserved` while the appointment is to take place; `ahead` are the
    reminders that have not been given. `money` is what billing has decided; `cancellation` the end of the appointment,
    `settled` once its people are told of it.
    """

    details: AppointmentDetails | None = None
    sequence: int = 0
    reserved: bool = False
    paid: bool = False
    ahead: tuple[datetime, ...] = ()
    money: MoneyOutcome | None = None
    cancellation: CancellationNoted | None = None
    settled: bool = False


def evolve(state: ReminderPlan, event: ReminderPlanEvent) -> ReminderPlan:
    match event:
        case AppointmentNoted():
            return replace(state, details=event.details)
        case RemindersPlanned():
            return replace(
                state,
                details=event.details,
                sequence=event.sequence,
                reserved=True,
                ahead=event.due_at,
            )
        case ReminderDue():
            # Those before it have been overtaken.
            later = tuple(due_at for due_at in state.ahead if due_at > event.due_at)
            return replace(state, ahead=later)
        case RemindersWithdrawn():
            return replace(state, reserved=False, ahead=())
        case PaymentRecorded():
            # An invoice that was void when its hold lapsed has been paid after all.
            void = state.money is MoneyOutcome.NOTHING_PAID
            return replace(state, paid=True, money=None if void else state.money)
        case MoneyOutcomeRecorded():
            return replace(state, money=event.outcome)
        case CancellationNoted():
            return replace(state, cancellation=event)
        case CancellationSettled():
            return replace(state, settled=True)
        case _:
            assert_never(event)

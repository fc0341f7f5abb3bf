"""What a reminder plan remembers."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from notifications.domain.appointment_details import AppointmentDetails
from notifications.domain.reminder_plan.events import (
    AppointmentNoted,
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
    reminders that have not been given.
    """

    details: AppointmentDetails | None = None
    sequence: int = 0
    reserved: bool = False
    paid: bool = False
    ahead: tuple[datetime, ...] = ()


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
            return replace(state, paid=True)
        case _:
            assert_never(event)

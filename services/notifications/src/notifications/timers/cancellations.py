"""A cancellation is told without billing's word when that does not come in time (NTF-13)."""

from uuid import UUID

from messaging import Dispatch
from notifications.domain.reminder_plan.commands import SettleCancellation
from notifications.domain.reminder_plan.events import CancellationNoted, CancellationSettled
from read_models import Fact
from timers import Deadline, Due, Elapsed

__all__ = ["CANCELLATIONS"]


def of_noted(event: CancellationNoted, _fact: Fact) -> Due:
    return Due(key=event.appointment_id, at=event.tell_by)


def of_settled(event: CancellationSettled, _fact: Fact) -> UUID:
    return event.details.appointment_id


def settle(elapsed: Elapsed) -> Dispatch:
    return Dispatch(
        to="reminder_plans", key=elapsed.key, command=SettleCancellation(now=elapsed.now)
    )


CANCELLATIONS = Deadline(
    name="cancellations",
    sets={CancellationNoted: of_noted},
    cancels={CancellationSettled: of_settled},
    fire=settle,
)

"""How an acquirer misbehaves when it is told to, per shop. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.acquirer.payments import RefundFailure

Seconds = Annotated[float, Field(ge=0, le=30 * 24 * 3600)]
Times = Annotated[int, Field(ge=0, le=1_000_000)]
Counter = Literal[
    "lose_notifications", "fail_after_commit", "too_many_requests", "fail_refunds", "fail_receipts"
]


class Behaviour(BaseModel):
    """Good manners by default; a counter goes down by one each time it has its effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notification_delay_seconds: Seconds = 0
    repeat_notifications: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="Copies sent after each notification."
    )
    reorder_window_seconds: Seconds = Field(
        default=0,
        description="Notifications are gathered for so long (instead of the delay), then sent newest first.",
    )
    lose_notifications: Times = Field(default=0, description="The next N are never sent.")
    fail_after_commit: Times = Field(
        default=0, description="The next N POSTs take effect and answer 500."
    )
    too_many_requests: Times = Field(default=0, description="The next N calls answer 429.")
    slow_seconds: Seconds = Field(
        default=0, description="Every call waits for so long (real seconds)."
    )
    down: bool = Field(default=False, description="Every call answers 503.")
    fail_refunds: Times = Field(default=0, description="The next N refunds end canceled.")
    refund_failure_reason: RefundFailure = "insufficient_funds"
    refund_decision_seconds: Seconds = Field(
        default=0, description="Refunds stay pending for so long."
    )
    fail_receipts: Times = Field(default=0, description="The next N receipts end canceled.")
    receipt_decision_seconds: Seconds = Field(
        default=0, description="Receipts stay pending for so long."
    )


def spend(behaviour: Behaviour, counter: Counter) -> tuple[bool, Behaviour]:
    """Whether the misbehaviour happens now, and what is left of it."""
    left: int = getattr(behaviour, counter)
    if left == 0:
        return False, behaviour
    return True, behaviour.model_copy(update={counter: left - 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One sending of a notification; lower `rank` goes first among those due together."""

    due_at: datetime
    rank: int


def dispatches(
    behaviour: Behaviour, *, sequence: int, window_ends: datetime | None, now: datetime
) -> Sequence[Dispatch]:
    """When the notification number `sequence` is to be sent, and how many times.

    `window_ends` is the end of the reordering window that is already open for the shop, if any.
    """
    due_at = now + timedelta(seconds=behaviour.notification_delay_seconds)
    rank = sequence
    if behaviour.reorder_window_seconds:
        due_at = window_ends or now + timedelta(seconds=behaviour.reorder_window_seconds)
        rank = -sequence
    return [Dispatch(due_at=due_at, rank=rank)] * (1 + behaviour.repeat_notifications)

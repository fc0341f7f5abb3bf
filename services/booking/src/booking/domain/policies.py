"""What a tenant may settle for itself about booking; every change is an event with its version."""

from dataclasses import dataclass
from typing import Literal

from booking.domain.details import PaymentMode

__all__ = ["BookingPolicies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingPolicies:
    """Defaults as in the requirements' table of configurable policies."""

    hold_minutes: int = 15
    cancel_policy: Literal["WINDOW", "UNPAID_ONLY"] = "WINDOW"
    cancel_window_minutes: int = 120
    payment_mode: PaymentMode = PaymentMode.PAY_TO_BOOK
    unconfirmed_limit: int = 1
    schedule_horizon_days: int = 60

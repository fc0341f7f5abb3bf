"""What a tenant may settle for itself about booking; every change is an event with its version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from booking.domain.details import PaymentMode
from vocabulary.ids import BranchId, ServiceId

__all__ = ["BookingPolicies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingPolicies:
    """Defaults as in the requirements' table of configurable policies.

    `payment_mode` holds for every service without a row of its own in `service_payment_modes` (BKG-31).
    `unconfirmed_limit` counts bookings per doctor. `default_services`: by branch and specialty the service whose price
    stands on the cards of doctors without one of their own; those of one specialty are a department (BKG-03).
    """

    hold_minutes: int = 15
    cancel_policy: Literal["WINDOW", "UNPAID_ONLY"] = "WINDOW"
    cancel_window_minutes: int = 120
    payment_mode: PaymentMode = PaymentMode.PAY_TO_BOOK
    service_payment_modes: Mapping[ServiceId, PaymentMode] = field(default_factory=dict)
    unconfirmed_limit: int = 1
    schedule_horizon_days: int = 60
    default_services: Mapping[BranchId, Mapping[str, ServiceId]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bounds = {
            "hold_minutes": (1, 24 * 60),
            "cancel_window_minutes": (0, 30 * 24 * 60),
            "unconfirmed_limit": (1, 100),
            "schedule_horizon_days": (1, 366),
        }
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is between {least} and {most}")

    def default_service_of(self, branch_id: BranchId, specialty: str) -> ServiceId | None:
        """The default service of a department; letter case does not matter."""
        wanted = specialty.casefold()
        named = self.default_services.get(branch_id, {}).items()
        return next((service for name, service in named if name.casefold() == wanted), None)

    def payment_mode_of(self, service_id: ServiceId) -> PaymentMode:
        """When money is due for this service."""
        return self.service_payment_modes.get(service_id, self.payment_mode)

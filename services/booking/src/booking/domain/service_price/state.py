"""What is remembered of a service: its price, None when it cannot be had."""

from typing import assert_never

from booking.domain.service_price.events import (
    ServicePriceEvent,
    ServicePriceRecorded,
    ServicePriceWithdrawn,
)

__all__ = ["ServicePrice", "evolve"]

ServicePrice = ServicePriceRecorded | None


def evolve(_state: ServicePrice, event: ServicePriceEvent) -> ServicePrice:
    match event:
        case ServicePriceRecorded():
            return event
        case ServicePriceWithdrawn():
            return None
        case _:
            assert_never(event)

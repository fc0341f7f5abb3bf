"""A price is recorded once per change."""

from collections.abc import Sequence
from typing import assert_never

from booking.domain.service_price.commands import (
    RecordServicePrice,
    ServicePriceCommand,
    WithdrawServicePrice,
)
from booking.domain.service_price.events import ServicePriceEvent, ServicePriceWithdrawn
from booking.domain.service_price.state import ServicePrice, evolve
from decider import Decider

__all__ = ["SERVICE_PRICE", "decide"]


def decide(command: ServicePriceCommand, state: ServicePrice) -> Sequence[ServicePriceEvent]:
    match command:
        case RecordServicePrice(price=price):
            return [] if price == state else [price]
        case WithdrawServicePrice():
            withdrawn = ServicePriceWithdrawn(service_id=command.service_id)
            return [] if state is None else [withdrawn]
        case _:
            assert_never(command)


SERVICE_PRICE: Decider[ServicePriceCommand, ServicePrice, ServicePriceEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)

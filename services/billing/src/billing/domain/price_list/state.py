"""What a price list remembers: the price of each service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from billing.domain.price_list.events import PriceListEvent, PricePublished, PriceWithdrawn
from vocabulary.ids import ServiceId

__all__ = ["PriceList", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Prices by service; None for one that was withdrawn."""

    prices: Mapping[ServiceId, PricePublished | None] = field(default_factory=dict)

    def service_of_code(self, code: str) -> ServiceId | None:
        """The service that is sold under a code."""
        sold = (price for price in self.prices.values() if price is not None)
        return next((price.service_id for price in sold if price.code == code), None)


def evolve(state: PriceList, event: PriceListEvent) -> PriceList:
    match event:
        case PricePublished():
            return PriceList(prices={**state.prices, event.service_id: event})
        case PriceWithdrawn():
            return PriceList(prices={**state.prices, event.service_id: None})
        case _:
            assert_never(event)

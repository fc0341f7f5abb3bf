"""What a price list remembers: the price of each service."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from billing.domain.price_list.events import PriceListEvent, PricePublished, PriceWithdrawn
from vocabulary.ids import ServiceId

__all__ = ["PriceList", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The latest price of each service, and which services are not sold any more."""

    prices: Mapping[ServiceId, PricePublished] = field(default_factory=dict)
    withdrawn: frozenset[ServiceId] = frozenset()

    def service_of_code(self, code: str) -> ServiceId | None:
        """The service that is sold under a code."""
        sold = (key for key, price in self.prices.items() if price.code == code)
        return next((key for key in sold if key not in self.withdrawn), None)


def evolve(state: PriceList, event: PriceListEvent) -> PriceList:
    match event:
        case PricePublished():
            return PriceList(
                prices={**state.prices, event.service_id: event},
                withdrawn=state.withdrawn - {event.service_id},
            )
        case PriceWithdrawn():
            return replace(state, withdrawn=state.withdrawn | {event.service_id})
        case _:
            assert_never(event)

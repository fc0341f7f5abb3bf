"""Rules of a price list: codes are unique, and only what has a price is sold (BIL-01)."""

from collections.abc import Sequence
from typing import assert_never

from billing.domain.details import InvoiceLine
from billing.domain.price_list.commands import PriceListCommand, PublishPrice, WithdrawPrice
from billing.domain.price_list.errors import PriceNotPositive, ServiceCodeTaken, ServiceNotPriced
from billing.domain.price_list.events import (
    PriceListEvent,
    PricePublished,
    PriceWithdrawn,
    ServiceScope,
)
from billing.domain.price_list.state import PriceList, evolve
from decider import Decider
from vocabulary.ids import ServiceId

__all__ = ["PRICE_LIST", "decide", "line_of"]


def decide(command: PriceListCommand, state: PriceList) -> Sequence[PriceListEvent]:
    match command:
        case PublishPrice():
            return publish(command, state)
        case WithdrawPrice():
            return withdraw(command, state)
        case _:
            assert_never(command)


def publish(command: PublishPrice, state: PriceList) -> Sequence[PricePublished]:
    if not command.price:
        raise PriceNotPositive
    if state.service_of_code(command.code) not in (None, command.service_id):
        raise ServiceCodeTaken
    before = state.prices.get(command.service_id)
    published = PricePublished(
        service_id=command.service_id,
        branch_id=command.branch_id,
        department=command.department,
        code=command.code,
        name=command.name,
        price=command.price,
        scope=command.scope or (before.scope if before else ServiceScope()),
    )
    sold = command.service_id not in state.withdrawn
    return [] if sold and before == published else [published]


def withdraw(command: WithdrawPrice, state: PriceList) -> Sequence[PriceWithdrawn]:
    if command.service_id not in state.prices:
        raise ServiceNotPriced
    if command.service_id in state.withdrawn:
        return []
    return [PriceWithdrawn(service_id=command.service_id, branch_id=command.branch_id)]


def line_of(state: PriceList, service_id: ServiceId) -> InvoiceLine:
    """The line of an invoice for a service that was booked, at its latest price; raises ServiceNotPriced.

    Booking offers only what is sold. What is withdrawn a moment later was booked all the same, and without an invoice
    nobody could pay for it and enter (BIL-45).
    """
    price = state.prices.get(service_id)
    if price is None:
        raise ServiceNotPriced
    return InvoiceLine(service_id=service_id, code=price.code, name=price.name, price=price.price)


PRICE_LIST: Decider[PriceListCommand, PriceList, PriceListEvent] = Decider(
    initial=PriceList(), decide=decide, evolve=evolve
)

"""Wishes about a price list."""

from dataclasses import dataclass

from billing.domain.price_list.events import ServiceScope
from vocabulary.ids import BranchId, ServiceId
from vocabulary.money import Money

__all__ = ["PriceListCommand", "PublishPrice", "WithdrawPrice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPrice:
    """`scope` None: what it was, for a new service any appointment."""

    service_id: ServiceId
    branch_id: BranchId
    department: str
    code: str
    name: str
    price: Money
    scope: ServiceScope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawPrice:
    service_id: ServiceId
    branch_id: BranchId


PriceListCommand = PublishPrice | WithdrawPrice

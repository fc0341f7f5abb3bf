"""Wishes about a price list."""

from dataclasses import dataclass

from vocabulary.ids import BranchId, ServiceId
from vocabulary.money import Money

__all__ = ["PriceListCommand", "PublishPrice", "WithdrawPrice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPrice:
    service_id: ServiceId
    branch_id: BranchId
    department: str
    code: str
    name: str
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawPrice:
    service_id: ServiceId
    branch_id: BranchId


PriceListCommand = PublishPrice | WithdrawPrice

"""Wishes about the copy of a service's price."""

from dataclasses import dataclass

from booking.domain.service_price.events import ServicePriceRecorded
from vocabulary.ids import ServiceId

__all__ = ["RecordServicePrice", "ServicePriceCommand", "WithdrawServicePrice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordServicePrice:
    price: ServicePriceRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawServicePrice:
    service_id: ServiceId


ServicePriceCommand = RecordServicePrice | WithdrawServicePrice

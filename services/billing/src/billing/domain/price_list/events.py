"""Facts of a price list. Their names and fields are stored for ever."""

from dataclasses import dataclass
from typing import Literal

from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.money import Money

__all__ = [
    "STORED_NAMES",
    "AppointmentKind",
    "PriceListEvent",
    "PricePublished",
    "PriceWithdrawn",
    "ServiceScope",
]

AppointmentKind = Literal["ONLINE", "CLINIC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceScope:
    """Which appointments a service is for: of these doctors or specialties, of these kinds; nothing named: of any."""

    clinician_ids: tuple[ClinicianId, ...] = ()
    specialties: tuple[str, ...] = ()
    kinds: tuple[AppointmentKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePublished:
    """A service has this price from now on; invoices issued before keep theirs."""

    service_id: ServiceId
    branch_id: BranchId
    department: str
    code: str
    name: str
    price: Money
    scope: ServiceScope = ServiceScope()


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWithdrawn:
    """A service can no longer be bought or prepaid."""

    service_id: ServiceId
    branch_id: BranchId


PriceListEvent = PricePublished | PriceWithdrawn

STORED_NAMES: dict[type[PriceListEvent], str] = {
    PricePublished: "PricePublished.v1",
    PriceWithdrawn: "PriceWithdrawn.v1",
}

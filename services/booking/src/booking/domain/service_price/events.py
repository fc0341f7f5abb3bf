"""Facts of a service's price. Their names and fields are stored for ever."""

from dataclasses import dataclass

from booking.domain.details import AppointmentKind
from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.money import Money

__all__ = [
    "STORED_NAMES",
    "ServicePriceEvent",
    "ServicePriceRecorded",
    "ServicePriceWithdrawn",
    "ServiceScope",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceScope:
    """Which appointments a service is for: of these doctors or specialties, of these kinds; nothing named: of any."""

    clinician_ids: tuple[ClinicianId, ...] = ()
    specialties: tuple[str, ...] = ()
    kinds: tuple[AppointmentKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePriceRecorded:
    """A service of a branch has this price from now on."""

    service_id: ServiceId
    branch_id: BranchId
    department: str
    name: str
    price: Money
    scope: ServiceScope = ServiceScope()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePriceWithdrawn:
    """The service can no longer be had."""

    service_id: ServiceId


ServicePriceEvent = ServicePriceRecorded | ServicePriceWithdrawn

STORED_NAMES: dict[type[ServicePriceEvent], str] = {
    ServicePriceRecorded: "ServicePriceRecorded.v1",
    ServicePriceWithdrawn: "ServicePriceWithdrawn.v1",
}

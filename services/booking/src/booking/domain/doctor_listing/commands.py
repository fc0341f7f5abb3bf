"""Wishes about a doctor's listing."""

from dataclasses import dataclass

from booking.domain.doctor_listing.events import DoctorListed
from vocabulary.ids import ServiceId

__all__ = ["DoctorListingCommand", "ListDoctor", "SetDefaultService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDoctor:
    listing: DoctorListed


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDefaultService:
    service_id: ServiceId | None


DoctorListingCommand = ListDoctor | SetDefaultService

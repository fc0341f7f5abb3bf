"""What is remembered of a doctor in the directory."""

from dataclasses import dataclass, replace
from typing import assert_never

from booking.domain.doctor_listing.events import (
    DefaultServiceSet,
    DoctorListed,
    DoctorListingEvent,
)
from vocabulary.ids import ServiceId

__all__ = ["DoctorListing", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorListing:
    """The card, None as long as the doctor is not listed."""

    listed: DoctorListed | None = None
    default_service_id: ServiceId | None = None


def evolve(state: DoctorListing, event: DoctorListingEvent) -> DoctorListing:
    match event:
        case DoctorListed():
            return replace(state, listed=event)
        case DefaultServiceSet():
            return replace(state, default_service_id=event.service_id)
        case _:
            assert_never(event)

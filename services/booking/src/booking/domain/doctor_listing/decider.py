"""Rules of the directory."""

from collections.abc import Sequence
from typing import assert_never

from booking.domain.doctor_listing.commands import (
    DoctorListingCommand,
    ListDoctor,
    SetDefaultService,
)
from booking.domain.doctor_listing.errors import DoctorNotFound
from booking.domain.doctor_listing.events import (
    DefaultServiceSet,
    DoctorListed,
    DoctorListingEvent,
)
from booking.domain.doctor_listing.state import DoctorListing, evolve
from decider import Decider

__all__ = ["DOCTOR_LISTING", "decide"]


def decide(command: DoctorListingCommand, state: DoctorListing) -> Sequence[DoctorListingEvent]:
    match command:
        case ListDoctor():
            return list_doctor(command, state)
        case SetDefaultService():
            return set_default_service(command, state)
        case _:
            assert_never(command)


def list_doctor(command: ListDoctor, state: DoctorListing) -> Sequence[DoctorListed]:
    return [] if command.listing == state.listed else [command.listing]


def set_default_service(
    command: SetDefaultService, state: DoctorListing
) -> Sequence[DefaultServiceSet]:
    if state.listed is None:
        raise DoctorNotFound
    if command.service_id == state.default_service_id:
        return []
    clinician_id = state.listed.clinician_id
    return [DefaultServiceSet(clinician_id=clinician_id, service_id=command.service_id)]


DOCTOR_LISTING: Decider[DoctorListingCommand, DoctorListing, DoctorListingEvent] = Decider(
    initial=DoctorListing(), decide=decide, evolve=evolve
)

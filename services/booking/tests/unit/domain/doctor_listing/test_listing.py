"""A doctor's card."""

from dataclasses import replace
from uuid import UUID

import pytest

from booking.domain.doctor_listing.commands import ListDoctor, SetDefaultService
from booking.domain.doctor_listing.decider import DOCTOR_LISTING
from booking.domain.doctor_listing.errors import DoctorNotFound
from booking.domain.doctor_listing.events import DefaultServiceSet, DoctorListed
from decider.testing import Specification
from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.people import FullName

listed = DoctorListed(
    clinician_id=ClinicianId(UUID(int=1)),
    name=FullName(last="Петрова", first="Анна", patronymic="Ивановна"),
    specialty="Терапевт",
    branch_id=BranchId(UUID(int=2)),
)
SERVICE = ServiceId(UUID(int=3))
service_set = DefaultServiceSet(clinician_id=listed.clinician_id, service_id=SERVICE)
listing = Specification(DOCTOR_LISTING)


def test_a_doctor_is_listed_once_per_change() -> None:
    listing.given().when(ListDoctor(listing=listed)).then(listed)
    promoted = replace(listed, category="Высшая")
    listing.given(listed).when(ListDoctor(listing=promoted)).then(promoted)


@pytest.mark.requirement("BKG-03")
def test_a_default_service_is_set_and_taken_away() -> None:
    unset = SetDefaultService(service_id=None)
    listing.given(listed).when(SetDefaultService(service_id=SERVICE)).then(service_set)
    listing.given(listed, service_set).when(unset).then(replace(service_set, service_id=None))
    listing.given().when(unset).then_rejected(DoctorNotFound)

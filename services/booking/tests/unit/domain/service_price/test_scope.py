"""Which service can be had with which doctor."""

from uuid import UUID

import pytest

from booking.domain.details import AppointmentKind
from booking.domain.service_price.errors import ServiceNotForAppointment
from booking.domain.service_price.events import ServiceScope
from booking.domain.service_price.scope import expect_in_scope
from vocabulary.ids import ClinicianId

DOCTOR, OTHER = ClinicianId(UUID(int=1)), ClinicianId(UUID(int=2))
ONLINE, CLINIC = AppointmentKind.ONLINE, AppointmentKind.CLINIC


@pytest.mark.requirement("BIL-01")
@pytest.mark.parametrize(
    "scope",
    [
        ServiceScope(),
        ServiceScope(clinician_ids=(OTHER, DOCTOR)),
        ServiceScope(specialties=("терапевт",)),
        ServiceScope(clinician_ids=(OTHER,), specialties=("Терапевт",)),
        ServiceScope(clinician_ids=(DOCTOR,), specialties=("Хирург",), kinds=(ONLINE,)),
        ServiceScope(kinds=(CLINIC, ONLINE)),
    ],
)
def test_a_service_is_had_where_it_is_tied_to_or_anywhere(scope: ServiceScope) -> None:
    expect_in_scope(scope, clinician_id=DOCTOR, specialty="Терапевт", kind=ONLINE)


@pytest.mark.requirement("BIL-01")
@pytest.mark.parametrize(
    "scope",
    [
        ServiceScope(clinician_ids=(OTHER,)),
        ServiceScope(specialties=("Хирург",)),
        ServiceScope(clinician_ids=(OTHER,), specialties=("Хирург",), kinds=(ONLINE,)),
        ServiceScope(clinician_ids=(DOCTOR,), kinds=(CLINIC,)),
        ServiceScope(kinds=(CLINIC,)),
    ],
)
def test_nowhere_else(scope: ServiceScope) -> None:
    with pytest.raises(ServiceNotForAppointment):
        expect_in_scope(scope, clinician_id=DOCTOR, specialty="Терапевт", kind=ONLINE)

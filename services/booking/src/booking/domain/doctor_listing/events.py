"""Facts of a doctor in the directory. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.people import FullName

__all__ = ["STORED_NAMES", "DefaultServiceSet", "DoctorListed", "DoctorListingEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorListed:
    """Patients can find this doctor, described so. A doctor's name is a public fact of the clinic."""

    clinician_id: ClinicianId
    name: FullName
    specialty: str
    branch_id: BranchId
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultServiceSet:
    """The service whose price stands on the doctor's card (BKG-03); None: no price is shown."""

    clinician_id: ClinicianId
    service_id: ServiceId | None = None


DoctorListingEvent = DoctorListed | DefaultServiceSet

STORED_NAMES: dict[type[DoctorListingEvent], str] = {
    DoctorListed: "DoctorListed.v1",
    DefaultServiceSet: "DefaultServiceSet.v1",
}

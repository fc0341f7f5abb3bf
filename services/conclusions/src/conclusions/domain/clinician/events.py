"""Facts of a clinician. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import ClinicianId
from vocabulary.people import FullName

__all__ = ["STORED_NAMES", "ClinicianEvent", "ClinicianRecorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianRecorded:
    """A clinician works here, or is called otherwise now."""

    clinician_id: ClinicianId
    name: FullName
    specialty: str


ClinicianEvent = ClinicianRecorded

STORED_NAMES: dict[type[ClinicianEvent], str] = {ClinicianRecorded: "ClinicianRecorded.v1"}

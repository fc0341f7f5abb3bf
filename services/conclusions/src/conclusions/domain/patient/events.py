"""Facts of a patient. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import PatientId
from vocabulary.sealed import Sealed

__all__ = ["STORED_NAMES", "PatientEvent", "PatientRecorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecorded:
    """A patient is there, or is called otherwise now. `birth_date` is an ISO date."""

    patient_id: PatientId
    last_name: Sealed[str]
    first_name: Sealed[str]
    patronymic: Sealed[str] | None = None
    birth_date: Sealed[str]


PatientEvent = PatientRecorded

STORED_NAMES: dict[type[PatientEvent], str] = {PatientRecorded: "PatientRecorded.v1"}

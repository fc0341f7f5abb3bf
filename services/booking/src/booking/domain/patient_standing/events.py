"""Facts of a patient's standing. Their names and fields are stored for ever."""

from dataclasses import dataclass
from enum import StrEnum

from vocabulary.ids import PatientId
from vocabulary.sealed import Sealed

__all__ = ["STORED_NAMES", "AccountStatus", "PatientStandingEvent", "PatientStandingRecorded"]


class AccountStatus(StrEnum):
    """Whether somebody has checked who the patient is (IDN-13)."""

    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientStandingRecorded:
    """A patient is there, or stands otherwise now."""

    patient_id: PatientId
    status: AccountStatus
    last_name: Sealed[str]
    first_name: Sealed[str]
    patronymic: Sealed[str] | None = None


PatientStandingEvent = PatientStandingRecorded

STORED_NAMES: dict[type[PatientStandingEvent], str] = {
    PatientStandingRecorded: "PatientStandingRecorded.v1"
}

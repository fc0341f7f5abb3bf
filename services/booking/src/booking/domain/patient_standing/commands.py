"""Wishes about the copy of a patient's standing."""

from dataclasses import dataclass

from booking.domain.patient_standing.events import PatientStandingRecorded

__all__ = ["PatientStandingCommand", "RecordPatientStanding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPatientStanding:
    standing: PatientStandingRecorded


PatientStandingCommand = RecordPatientStanding

"""Wishes about the copy of a patient."""

from dataclasses import dataclass

from conclusions.domain.patient.events import PatientRecorded

__all__ = ["PatientCommand", "RecordPatient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPatient:
    patient: PatientRecorded


PatientCommand = RecordPatient

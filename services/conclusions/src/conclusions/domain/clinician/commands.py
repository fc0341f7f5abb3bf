"""Wishes about the copy of a clinician."""

from dataclasses import dataclass

from conclusions.domain.clinician.events import ClinicianRecorded

__all__ = ["ClinicianCommand", "RecordClinician"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordClinician:
    clinician: ClinicianRecorded


ClinicianCommand = RecordClinician

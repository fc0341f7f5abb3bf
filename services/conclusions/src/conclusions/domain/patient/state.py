"""What is remembered of a patient: the last that was told."""

from conclusions.domain.patient.events import PatientEvent, PatientRecorded

__all__ = ["Patient", "evolve"]

Patient = PatientRecorded | None


def evolve(_state: Patient, event: PatientEvent) -> Patient:
    return event

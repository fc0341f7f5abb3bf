"""What is remembered of a clinician: the last that was told."""

from conclusions.domain.clinician.events import ClinicianEvent, ClinicianRecorded

__all__ = ["Clinician", "evolve"]

Clinician = ClinicianRecorded | None


def evolve(_state: Clinician, event: ClinicianEvent) -> Clinician:
    return event

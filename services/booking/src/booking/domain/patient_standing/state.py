"""What is remembered of a patient's standing: the last of it."""

from booking.domain.patient_standing.events import PatientStandingEvent, PatientStandingRecorded

__all__ = ["PatientStanding", "evolve"]

PatientStanding = PatientStandingRecorded | None


def evolve(_state: PatientStanding, event: PatientStandingEvent) -> PatientStanding:
    return event

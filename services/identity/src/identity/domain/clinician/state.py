"""What is remembered of a clinician."""

from dataclasses import dataclass

from identity.domain.clinician.events import ClinicianEvent
from identity.domain.people import ClinicianDetails

__all__ = ["Clinician", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinician:
    """No `details`: not registered yet."""

    details: ClinicianDetails | None = None


def evolve(_state: Clinician, event: ClinicianEvent) -> Clinician:
    return Clinician(details=event.details)

"""What was told of a patient is recorded once per change."""

from collections.abc import Sequence

from conclusions.domain.patient.commands import PatientCommand
from conclusions.domain.patient.events import PatientEvent
from conclusions.domain.patient.state import Patient, evolve
from decider import Decider

__all__ = ["PATIENT", "decide"]


def decide(command: PatientCommand, state: Patient) -> Sequence[PatientEvent]:
    return [] if command.patient == state else [command.patient]


PATIENT: Decider[PatientCommand, Patient, PatientEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)

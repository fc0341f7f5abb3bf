"""What was told of a clinician is recorded once per change."""

from collections.abc import Sequence

from conclusions.domain.clinician.commands import ClinicianCommand
from conclusions.domain.clinician.events import ClinicianEvent
from conclusions.domain.clinician.state import Clinician, evolve
from decider import Decider

__all__ = ["CLINICIAN", "decide"]


def decide(command: ClinicianCommand, state: Clinician) -> Sequence[ClinicianEvent]:
    return [] if command.clinician == state else [command.clinician]


CLINICIAN: Decider[ClinicianCommand, Clinician, ClinicianEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)

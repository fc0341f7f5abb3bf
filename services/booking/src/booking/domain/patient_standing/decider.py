"""A standing is recorded once per change."""

from collections.abc import Sequence

from booking.domain.patient_standing.commands import PatientStandingCommand
from booking.domain.patient_standing.events import PatientStandingEvent
from booking.domain.patient_standing.state import PatientStanding, evolve
from decider import Decider

__all__ = ["PATIENT_STANDING", "decide"]


def decide(
    command: PatientStandingCommand, state: PatientStanding
) -> Sequence[PatientStandingEvent]:
    return [] if command.standing == state else [command.standing]


PATIENT_STANDING: Decider[PatientStandingCommand, PatientStanding, PatientStandingEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)

"""The rule of a clinician: registered once."""

from collections.abc import Sequence

from decider import Decider
from identity.domain.clinician.commands import ClinicianCommand
from identity.domain.clinician.events import ClinicianEvent, ClinicianRegistered
from identity.domain.clinician.state import Clinician, evolve

__all__ = ["CLINICIAN", "decide"]


def decide(command: ClinicianCommand, state: Clinician) -> Sequence[ClinicianEvent]:
    if state.details is not None:
        return []
    return [
        ClinicianRegistered(
            details=command.details,
            account_id=command.account_id,
            language=command.language,
            email=command.email,
        )
    ]


CLINICIAN: Decider[ClinicianCommand, Clinician, ClinicianEvent] = Decider(
    initial=Clinician(), decide=decide, evolve=evolve
)

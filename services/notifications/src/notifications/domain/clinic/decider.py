"""A description is recorded once per change."""

from collections.abc import Sequence
from typing import Final, assert_never

from decider import Decider
from notifications.domain.clinic.commands import ClinicCommand, RecordBranch, RecordOrganisation
from notifications.domain.clinic.events import ClinicEvent
from notifications.domain.clinic.state import Clinic, evolve

__all__ = ["CLINIC", "CLINIC_KEY", "decide"]

CLINIC_KEY: Final = "clinic"
"""A tenant is one clinic, so its stream needs no other key."""


def decide(command: ClinicCommand, state: Clinic) -> Sequence[ClinicEvent]:
    match command:
        case RecordOrganisation():
            known = state.organisation == command.organisation
            return [] if known else [command.organisation]
        case RecordBranch():
            known = state.branches.get(command.branch.branch_id) == command.branch
            return [] if known else [command.branch]
        case _:
            assert_never(command)


CLINIC: Decider[ClinicCommand, Clinic, ClinicEvent] = Decider(
    initial=Clinic(), decide=decide, evolve=evolve
)

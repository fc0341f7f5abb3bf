"""What was told of the organisation is recorded once per change."""

from collections.abc import Sequence

from conclusions.domain.organisation.commands import OrganisationCommand
from conclusions.domain.organisation.events import OrganisationEvent
from conclusions.domain.organisation.state import Organisation, evolve
from decider import Decider

__all__ = ["ORGANISATION", "decide"]


def decide(command: OrganisationCommand, state: Organisation) -> Sequence[OrganisationEvent]:
    return [] if command.organisation == state else [command.organisation]


ORGANISATION: Decider[OrganisationCommand, Organisation, OrganisationEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)

"""Rules of an organisation: one per tenant, branches only in it."""

from collections.abc import Sequence
from typing import assert_never

from decider import Decider
from identity.domain.organisation.commands import (
    AddBranch,
    OrganisationCommand,
    RegisterOrganisation,
)
from identity.domain.organisation.errors import OrganisationExists, UnknownOrganisation
from identity.domain.organisation.events import (
    BranchAdded,
    OrganisationEvent,
    OrganisationRegistered,
)
from identity.domain.organisation.state import Organisation, evolve

__all__ = ["ORGANISATION", "decide"]


def decide(command: OrganisationCommand, state: Organisation) -> Sequence[OrganisationEvent]:
    match command:
        case RegisterOrganisation():
            return register(command, state)
        case AddBranch():
            return add_branch(command, state)
        case _:
            assert_never(command)


def register(
    command: RegisterOrganisation, state: Organisation
) -> Sequence[OrganisationRegistered]:
    if state.organisation_id == command.organisation_id:
        return []
    if state.organisation_id is not None:
        raise OrganisationExists
    return [
        OrganisationRegistered(
            organisation_id=command.organisation_id,
            legal_name=command.legal_name,
            languages=command.languages,
        )
    ]


def add_branch(command: AddBranch, state: Organisation) -> Sequence[BranchAdded]:
    if state.organisation_id is None:
        raise UnknownOrganisation
    if command.branch_id in state.branches:
        return []
    return [
        BranchAdded(
            branch_id=command.branch_id,
            name=command.name,
            address=command.address,
            phone=command.phone,
            zone=command.zone,
        )
    ]


ORGANISATION: Decider[OrganisationCommand, Organisation, OrganisationEvent] = Decider(
    initial=Organisation(), decide=decide, evolve=evolve
)

"""What is remembered of an organisation."""

from dataclasses import dataclass, replace
from typing import assert_never

from identity.domain.organisation.errors import UnknownTenant
from identity.domain.organisation.events import (
    BranchAdded,
    OrganisationEvent,
    OrganisationRegistered,
)
from vocabulary.ids import BranchId, OrganisationId

__all__ = ["KEY", "Organisation", "evolve", "expect_tenant"]

KEY = "organisation"
"""The key of the one organisation of a tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """No `organisation_id`: not registered yet."""

    organisation_id: OrganisationId | None = None
    default_language: str = "ru"
    branches: frozenset[BranchId] = frozenset()


def expect_tenant(state: Organisation) -> None:
    """A tenant exists from the registration of its organisation on; raises UnknownTenant."""
    if state.organisation_id is None:
        raise UnknownTenant


def evolve(state: Organisation, event: OrganisationEvent) -> Organisation:
    match event:
        case OrganisationRegistered():
            return replace(
                state,
                organisation_id=event.organisation_id,
                default_language=event.languages[0],
            )
        case BranchAdded():
            return replace(state, branches=state.branches | {event.branch_id})
        case _:
            assert_never(event)

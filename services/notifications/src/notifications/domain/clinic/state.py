"""What is remembered of a clinic: the last descriptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from notifications.domain.clinic.events import BranchRecorded, ClinicEvent, OrganisationRecorded
from vocabulary.ids import BranchId

__all__ = ["Clinic", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    organisation: OrganisationRecorded | None = None
    branches: Mapping[BranchId, BranchRecorded] = field(default_factory=dict)


def evolve(state: Clinic, event: ClinicEvent) -> Clinic:
    match event:
        case OrganisationRecorded():
            return replace(state, organisation=event)
        case BranchRecorded():
            return replace(state, branches={**state.branches, event.branch_id: event})
        case _:
            assert_never(event)

"""What is remembered of the organisation: the last that was told."""

from conclusions.domain.organisation.events import OrganisationEvent, OrganisationRecorded

__all__ = ["Organisation", "evolve"]

Organisation = OrganisationRecorded | None


def evolve(_state: Organisation, event: OrganisationEvent) -> Organisation:
    return event

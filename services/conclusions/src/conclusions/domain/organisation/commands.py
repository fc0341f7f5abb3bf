"""Wishes about the copy of the organisation."""

from dataclasses import dataclass

from conclusions.domain.organisation.events import OrganisationRecorded

__all__ = ["OrganisationCommand", "RecordOrganisation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrganisation:
    organisation: OrganisationRecorded


OrganisationCommand = RecordOrganisation

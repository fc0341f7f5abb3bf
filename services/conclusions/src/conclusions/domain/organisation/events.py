"""Facts of the organisation. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import OrganisationId

__all__ = ["STORED_NAMES", "OrganisationEvent", "OrganisationRecorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRecorded:
    """The clinic joined, or is called otherwise now; its documents are in `language`."""

    organisation_id: OrganisationId
    legal_name: str
    language: str


OrganisationEvent = OrganisationRecorded

STORED_NAMES: dict[type[OrganisationEvent], str] = {OrganisationRecorded: "OrganisationRecorded.v1"}

"""Facts of an organisation. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import BranchId, OrganisationId
from vocabulary.zone import ZoneId

__all__ = ["STORED_NAMES", "BranchAdded", "OrganisationEvent", "OrganisationRegistered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    """The organisation joined; the first language is the default of its people."""

    organisation_id: OrganisationId
    legal_name: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchAdded:
    """A place of the organisation; its wall times are those of `zone`."""

    branch_id: BranchId
    name: str
    address: str
    phone: str
    zone: ZoneId


OrganisationEvent = OrganisationRegistered | BranchAdded

STORED_NAMES: dict[type[OrganisationEvent], str] = {
    OrganisationRegistered: "OrganisationRegistered.v1",
    BranchAdded: "BranchAdded.v1",
}

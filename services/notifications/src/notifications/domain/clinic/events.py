"""Facts of a clinic. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import BranchId, OrganisationId

__all__ = ["STORED_NAMES", "BranchRecorded", "ClinicEvent", "OrganisationRecorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRecorded:
    """The clinic has this name now."""

    organisation_id: OrganisationId
    legal_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRecorded:
    """A branch of the clinic is there, or is described otherwise now."""

    branch_id: BranchId
    name: str
    address: str


ClinicEvent = OrganisationRecorded | BranchRecorded

STORED_NAMES: dict[type[ClinicEvent], str] = {
    OrganisationRecorded: "OrganisationRecorded.v1",
    BranchRecorded: "BranchRecorded.v1",
}

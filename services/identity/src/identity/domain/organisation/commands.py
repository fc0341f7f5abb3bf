"""Wishes about an organisation."""

from dataclasses import dataclass

from vocabulary.ids import BranchId, OrganisationId
from vocabulary.zone import ZoneId

__all__ = ["AddBranch", "OrganisationCommand", "RegisterOrganisation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrganisation:
    organisation_id: OrganisationId
    legal_name: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBranch:
    branch_id: BranchId
    name: str
    address: str
    phone: str
    zone: ZoneId


OrganisationCommand = RegisterOrganisation | AddBranch

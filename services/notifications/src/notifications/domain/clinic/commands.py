"""Wishes about the copy of a clinic."""

from dataclasses import dataclass

from notifications.domain.clinic.events import BranchRecorded, OrganisationRecorded

__all__ = ["ClinicCommand", "RecordBranch", "RecordOrganisation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrganisation:
    organisation: OrganisationRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBranch:
    branch: BranchRecorded


ClinicCommand = RecordOrganisation | RecordBranch

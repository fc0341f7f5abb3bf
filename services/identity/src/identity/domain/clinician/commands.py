"""Wishes about a clinician."""

from dataclasses import dataclass

from identity.domain.people import ClinicianDetails
from vocabulary.ids import AccountId
from vocabulary.sealed import Sealed

__all__ = ["ClinicianCommand", "RegisterClinician"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterClinician:
    details: ClinicianDetails
    account_id: AccountId
    language: str
    email: Sealed[str] | None = None


ClinicianCommand = RegisterClinician

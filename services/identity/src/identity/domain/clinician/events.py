"""Facts of a clinician. Their names and fields are stored for ever."""

from dataclasses import dataclass

from identity.domain.people import ClinicianDetails
from vocabulary.ids import AccountId
from vocabulary.sealed import Sealed

__all__ = ["STORED_NAMES", "ClinicianEvent", "ClinicianRegistered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianRegistered:
    """A clinician works at a branch and has an account."""

    details: ClinicianDetails
    account_id: AccountId
    language: str
    email: Sealed[str] | None = None


ClinicianEvent = ClinicianRegistered

STORED_NAMES: dict[type[ClinicianEvent], str] = {ClinicianRegistered: "ClinicianRegistered.v1"}

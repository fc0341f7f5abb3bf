"""What identity tells: organisations, branches, people, accounts. Personal values are sealed."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.fact import PublicEvent
from vocabulary.sealed import Sealed

__all__ = [
    "FACTS",
    "BranchAdded",
    "ClinicianRegistered",
    "ConfirmationCodeIssued",
    "OrganisationRegistered",
    "PatientContactsChanged",
    "PatientRegistered",
    "SubjectErased",
]


class OrganisationRegistered(PublicEvent):
    """A medical organisation joined under its tenant."""

    organisation_id: UUID
    legal_name: str
    languages: tuple[str, ...] = Field(description="Languages offered, the first is the default")


class BranchAdded(PublicEvent):
    """A branch of the organisation; its time zone is the one that patients and doctors see."""

    branch_id: UUID
    name: str
    address: str
    phone: str
    zone: str = Field(description="IANA zone, such as Europe/Moscow")


class ConfirmationCodeIssued(PublicEvent):
    """A one-time code waits to be sent at once (NTF-06). Code and address are sealed for the person to be."""

    attempt_id: UUID
    patient_id: UUID
    code: Sealed[str]
    expires_at: datetime
    language: str
    email: Sealed[str] | None = None
    phone: Sealed[str] | None = None


class PatientRegistered(PublicEvent):
    """A patient's account and registration card exist."""

    patient_id: UUID
    account_id: UUID
    account_status: Literal["UNCONFIRMED", "CONFIRMED"]
    language: str = Field(description="ru or en")
    last_name: Sealed[str]
    first_name: Sealed[str]
    patronymic: Sealed[str] | None = None
    birth_date: Sealed[str] = Field(description="ISO date, sealed")
    sex: Literal["MALE", "FEMALE"]
    email: Sealed[str] | None = None
    phone: Sealed[str] | None = Field(default=None, description="E.164, sealed")
    letters_allowed: bool = Field(description="The patient agreed to letters and messages")


class PatientContactsChanged(PublicEvent):
    """The contacts, or the wish to be written to, changed."""

    patient_id: UUID
    language: str
    email: Sealed[str] | None = None
    phone: Sealed[str] | None = None
    letters_allowed: bool


class ClinicianRegistered(PublicEvent):
    """A clinician works at a branch. Names and specialties of doctors are public facts of a clinic."""

    clinician_id: UUID
    account_id: UUID
    branch_id: UUID
    last_name: str
    first_name: str
    patronymic: str | None = None
    specialty: str
    category: str | None = Field(
        default=None, description="Qualification category, as the clinic writes it"
    )
    email: Sealed[str] | None = None
    language: str


class SubjectErased(PublicEvent):
    """The data key of a person was destroyed; every service drops it and purges opened copies."""

    subject: UUID


FACTS = (
    OrganisationRegistered,
    BranchAdded,
    ConfirmationCodeIssued,
    PatientRegistered,
    PatientContactsChanged,
    ClinicianRegistered,
    SubjectErased,
)

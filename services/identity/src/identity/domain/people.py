"""Words about people that several aggregates use."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from vocabulary.ids import AccountId, BranchId, ClinicianId, PatientId
from vocabulary.people import FullName, Sex
from vocabulary.sealed import Sealed

__all__ = [
    "LANGUAGES",
    "AccountDetails",
    "AccountStatus",
    "ClinicianDetails",
    "Consent",
    "ConsentKind",
    "Contacts",
    "Login",
    "LoginKind",
    "PatientProfile",
    "Role",
    "login_key",
]

LANGUAGES = ("ru", "en")


class Role(StrEnum):
    PATIENT = "patient"
    CLINICIAN = "clinician"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


class AccountStatus(StrEnum):
    """Whether somebody of the clinic has seen the person (IDN-13)."""

    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"


class LoginKind(StrEnum):
    EMAIL = "EMAIL"
    PHONE = "PHONE"


class ConsentKind(StrEnum):
    PERSONAL_DATA = "PERSONAL_DATA"
    LETTERS = "LETTERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a person signs in with: found by its keyed hash, shown to its owner only."""

    kind: LoginKind
    lookup: str
    value: Sealed[str]

    @property
    def key(self) -> str:
        """The key of its reservation."""
        return login_key(self.kind, self.lookup)


def login_key(kind: LoginKind, lookup: str) -> str:
    """The key under which one login is reserved in a tenant."""
    return f"{kind.lower()}:{lookup}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """An answer to one question, with the wording that was shown."""

    kind: ConsentKind
    given: bool
    document: str
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """How a patient may be written to."""

    language: str
    letters_allowed: bool
    email: Sealed[str] | None = None
    phone: Sealed[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientProfile:
    """Who a patient is; `birth_date` is an ISO date, `phone` in E.164."""

    patient_id: PatientId
    last_name: Sealed[str]
    first_name: Sealed[str]
    birth_date: Sealed[str]
    sex: Sex
    patronymic: Sealed[str] | None = None
    email: Sealed[str] | None = None
    phone: Sealed[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianDetails:
    """What a clinic tells everybody about its doctor."""

    clinician_id: ClinicianId
    branch_id: BranchId
    last_name: str
    first_name: str
    specialty: str
    patronymic: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDetails:
    """An account as it was asked for. `attempt_id` names the registration that led to it.

    A patient has `patient_id`, a clinician `clinician`, other staff `name`.
    """

    account_id: AccountId
    login: Login
    roles: tuple[Role, ...]
    status: AccountStatus
    language: str
    attempt_id: UUID | None = None
    patient_id: PatientId | None = None
    clinician: ClinicianDetails | None = None
    name: Sealed[FullName] | None = None

    @property
    def clinician_id(self) -> ClinicianId | None:
        """The clinician whose account it is."""
        return None if self.clinician is None else self.clinician.clinician_id

"""Who somebody is, for themselves: sealed values are opened where they are shown."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from identity.domain.account.events import AccountOpened, LanguageChosen
from identity.domain.patient.events import LettersConsentAnswered, PatientRegistered
from identity.domain.patient.state import first_contacts
from identity.domain.people import (
    AccountStatus,
    ClinicianDetails,
    LoginKind,
    PatientProfile,
)
from read_models import Fact, Queries, View
from vocabulary.ids import AccountId
from vocabulary.people import FullName
from vocabulary.sealed import Sealed

__all__ = ["VIEW", "Profile", "of_person"]

ProfileEvent = AccountOpened | LanguageChosen | PatientRegistered | LettersConsentAnswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`person_id` is the patient's id, or the account's of everybody else: whose key seals the values."""

    tenant: str
    person_id: UUID
    account_id: AccountId
    roles: tuple[str, ...]
    status: AccountStatus
    language: str
    login_kind: LoginKind
    login: Sealed[str]
    name: Sealed[FullName] | None = None
    clinician: ClinicianDetails | None = None
    patient: PatientProfile | None = None
    letters_allowed: bool | None = None


def project(row: Profile | None, event: ProfileEvent, fact: Fact) -> Profile | None:
    match event:
        case AccountOpened():
            return _opened(event, fact)
        case LanguageChosen() if row:
            return replace(row, language=event.language)
        case PatientRegistered() if row:
            allowed = first_contacts(event).letters_allowed
            return replace(row, patient=event.profile, letters_allowed=allowed)
        case LettersConsentAnswered() if row:
            return replace(row, letters_allowed=event.contacts.letters_allowed)
    return row


def _opened(event: AccountOpened, fact: Fact) -> Profile:
    details = event.details
    return Profile(
        tenant=fact.tenant,
        person_id=details.patient_id or details.account_id,
        account_id=details.account_id,
        roles=tuple(str(role) for role in details.roles),
        status=details.status,
        language=details.language,
        login_kind=details.login.kind,
        login=details.login.value,
        name=details.name,
        clinician=details.clinician,
    )


def _of_account(event: AccountOpened, fact: Fact) -> Iterable[tuple[str, UUID]]:
    return [(fact.tenant, event.details.patient_id or event.details.account_id)]


def _of_chooser(event: LanguageChosen, fact: Fact) -> Iterable[tuple[str, UUID]]:
    return [(fact.tenant, event.patient_id or event.account_id)]


def _of_patient(event: PatientRegistered, fact: Fact) -> Iterable[tuple[str, UUID]]:
    return [(fact.tenant, event.profile.patient_id)]


def _of_answer(event: LettersConsentAnswered, fact: Fact) -> Iterable[tuple[str, UUID]]:
    return [(fact.tenant, event.patient_id)]


VIEW = View(
    name="profiles",
    version=1,
    row=Profile,
    key=("tenant", "person_id"),
    events={
        AccountOpened: _of_account,
        LanguageChosen: _of_chooser,
        PatientRegistered: _of_patient,
        LettersConsentAnswered: _of_answer,
    },
    project=project,
)


async def of_person(db: Queries, tenant: str, person_id: UUID) -> Profile | None:
    return await db.one(VIEW, tenant=tenant, person_id=person_id)

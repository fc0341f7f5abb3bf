"""Who is signed in, and what they settle for themselves."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from identity.api.access import ACCESS
from identity.api.dependencies import DeskDep, IdentityDep, QueriesDep
from identity.api.names import PersonName
from identity.api.problems import PROBLEMS
from identity.domain.account.commands import ChooseLanguage
from identity.domain.account.errors import UnknownAccount
from identity.domain.patient.commands import AnswerLettersConsent
from identity.domain.patient.errors import UnknownPatient
from identity.domain.people import AccountStatus, ClinicianDetails, Role
from identity.read_models import profiles
from identity.read_models.profiles import Profile
from privacy.sealing import Sealer
from service_kit.access import Caller
from service_kit.problems import Problem
from service_kit.texts import Language
from vocabulary.ids import AccountId, BranchId, ClinicianId, PatientId
from vocabulary.people import FullName, Sex
from vocabulary.sealed import Sealed

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/me", tags=["me"])


class PatientCard(BaseModel):
    patient_id: PatientId
    birth_date: date
    sex: Sex
    email: str | None
    phone: str | None
    letters_allowed: bool


class ClinicianCard(BaseModel):
    clinician_id: ClinicianId
    branch_id: BranchId
    specialty: str
    category: str | None


class Me(BaseModel):
    account_id: AccountId
    roles: tuple[Role, ...]
    status: AccountStatus
    language: str
    login: str
    name: PersonName | None
    patient: PatientCard | None
    clinician: ClinicianCard | None


class LanguageBody(BaseModel):
    language: Language


class LettersConsentBody(BaseModel):
    given: bool
    document: str = Field(max_length=60, description="The version of the wording that was shown")


@router.get("")
async def show_me(
    desk: DeskDep,
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("show_me"))],
) -> Me:
    """The account that is signed in, with the card of a patient or a clinician."""
    person_id = caller.patient_id or caller.account_id
    row = person_id and await profiles.of_person(queries, caller.tenant, person_id)
    if not isinstance(row, Profile):
        raise Problem(409, "VIEW_BEHIND", headers={"Retry-After": "1"})
    return await _shown(row, desk.sealers.of(caller.tenant))


@router.put("/language", status_code=204, responses=PROBLEMS.of(UnknownAccount))
async def choose_language(
    body: LanguageBody,
    identity: IdentityDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("choose_language"))],
) -> None:
    """Choose the language of answers and letters; tokens name it from the next refresh on."""
    handled = await identity.accounts.handle(
        ChooseLanguage(language=body.language),
        key=caller.account_id,
        context=caller.context(subject=str(caller.patient_id or caller.account_id)),
    )
    caller.confirm(handled)


@router.put("/consents/letters", status_code=204, responses=PROBLEMS.of(UnknownPatient))
async def answer_letters_consent(
    body: LettersConsentBody,
    identity: IdentityDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("answer_letters_consent"))],
) -> None:
    """Agree to letters and messages, or take it back. What one has to be told is sent all the same."""
    handled = await identity.patients.handle(
        AnswerLettersConsent(given=body.given, document=body.document, now=caller.now),
        key=caller.patient_id,
        context=caller.context(subject=str(caller.patient_id)),
    )
    caller.confirm(handled)


async def _shown(row: Profile, sealer: Sealer) -> Me:
    name = await _name(row, sealer)
    return Me(
        account_id=row.account_id,
        roles=tuple(Role(role) for role in row.roles),
        status=row.status,
        language=row.language,
        login=await sealer.open(row.login),
        name=None if name is None else PersonName.of(name),
        patient=await _patient(row, sealer),
        clinician=None if row.clinician is None else _clinician(row.clinician),
    )


def _clinician(details: ClinicianDetails) -> ClinicianCard:
    return ClinicianCard(
        clinician_id=details.clinician_id,
        branch_id=details.branch_id,
        specialty=details.specialty,
        category=details.category,
    )


async def _name(row: Profile, sealer: Sealer) -> FullName | None:
    if row.clinician is not None:
        clinician = row.clinician
        return FullName(
            last=clinician.last_name, first=clinician.first_name, patronymic=clinician.patronymic
        )
    if row.patient is not None:
        patient = row.patient
        last, first = await sealer.open_all([patient.last_name, patient.first_name])
        return FullName(
            last=last, first=first, patronymic=await _opened(sealer, patient.patronymic)
        )
    if row.name is not None:
        return await sealer.open(row.name, FullName)
    return None


async def _patient(row: Profile, sealer: Sealer) -> PatientCard | None:
    patient = row.patient
    if patient is None:
        return None
    return PatientCard(
        patient_id=patient.patient_id,
        birth_date=date.fromisoformat(await sealer.open(patient.birth_date)),
        sex=patient.sex,
        email=await _opened(sealer, patient.email),
        phone=await _opened(sealer, patient.phone),
        letters_allowed=bool(row.letters_allowed),
    )


async def _opened(sealer: Sealer, value: Sealed[str] | None) -> str | None:
    return None if value is None else await sealer.open(value)

"""Self-registration of patients, step by step."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from identity.api.access import ACCESS
from identity.api.dependencies import (
    DeskDep,
    IdentityDep,
    PoliciesDep,
    idempotent_key,
)
from identity.api.names import PersonName
from identity.api.problems import PROBLEMS, invalid_fields, later
from identity.application.logins import TypedLogin, typed_email, typed_phone
from identity.application.ports import LoginHashes
from identity.application.registration import Answer, PasswordRefused, TypedCard
from identity.application.waiting import settled
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.organisation.errors import UnknownTenant
from identity.domain.people import AccountStatus, Consent, ConsentKind, LoginKind
from identity.domain.registration_attempt.details import RegistrationDetails
from identity.domain.registration_attempt.errors import (
    CodeExpired,
    CodesUsedUp,
    RegistrationOver,
    ResendTooEarly,
    UnknownRegistration,
)
from identity.domain.registration_attempt.events import RegistrationClosure
from identity.domain.registration_attempt.state import (
    AwaitingCode,
    Closed,
    Registered,
    RegistrationAttempt,
)
from identity.domain.sign_in_guard.errors import TooManyAttempts
from privacy.sealing import Sealer
from service_kit.access import Caller
from service_kit.texts import Language
from vocabulary.email import Email, parse_email
from vocabulary.errors import InvalidValue
from vocabulary.ids import AccountId, PatientId, TenantId
from vocabulary.people import FullName, Sex, full_name
from vocabulary.phone import Phone, parse_phone

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/registrations", tags=["registrations"])

_OLDEST = date(1900, 1, 1)


class ConsentRequired(InvalidValue):
    """Nothing personal is kept without consent (IDN-06)."""

    code = "CONSENT_REQUIRED"


class ContactRequired(InvalidValue):
    """There is nowhere to send the code."""

    code = "CONTACT_REQUIRED"


class Consents(BaseModel):
    personal_data: bool = Field(description="Consent to the processing of personal data")
    letters: bool = Field(default=False, description="Consent to letters and messages")
    document: str = Field(
        max_length=60, description="The version of the wording that was shown", examples=["2026-01"]
    )

    @field_validator("personal_data")
    @classmethod
    def _is_given(cls, given: bool) -> bool:  # noqa: FBT001 - pydantic calls it
        if not given:
            raise ConsentRequired("personal data are kept with consent only")
        return given


class RegistrationBody(BaseModel):
    last_name: str = Field(max_length=100, examples=["Иванова"])
    first_name: str = Field(max_length=100, examples=["Анна"])
    patronymic: str | None = Field(default=None, max_length=100, examples=["Сергеевна"])
    birth_date: date = Field(examples=["1990-05-17"])
    sex: Sex
    email: Email | None = Field(default=None, max_length=254, examples=["anna@example.com"])
    phone: Phone | None = Field(default=None, max_length=40, examples=["+79161234567"])
    send_code_to: Literal["email", "phone"] | None = Field(
        default=None,
        validate_default=True,
        description="Which contact gets the code and is the login; the e-mail address if there is one",
    )
    language: Language | None = Field(default=None, description="The request's when left out")
    consents: Consents

    @field_validator("last_name", "first_name")
    @classmethod
    def _is_a_name(cls, part: str) -> str:
        return full_name(part, part).last

    @field_validator("patronymic")
    @classmethod
    def _is_a_patronymic(cls, part: str | None) -> str | None:
        return full_name("-", "-", part).patronymic

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str | None) -> Email | None:
        return None if email is None else parse_email(email)

    @field_validator("phone")
    @classmethod
    def _is_a_number(cls, phone: str | None) -> Phone | None:
        return None if phone is None else parse_phone(phone)

    @field_validator("send_code_to")
    @classmethod
    def _can_be_reached(
        cls, wanted: Literal["email", "phone"] | None, info: ValidationInfo
    ) -> Literal["email", "phone"] | None:
        contacts = {name: info.data.get(name, "wrong") for name in ("email", "phone")}
        reached = any(contacts.values()) if wanted is None else contacts[wanted]
        if not reached:
            raise ContactRequired("the code needs a contact")
        return wanted

    def login(self, hashes: LoginHashes, tenant: TenantId) -> TypedLogin:
        """The contact that gets the code."""
        if self.email is not None and self.send_code_to != "phone":
            return typed_email(hashes, tenant, self.email)
        if self.phone is None:
            raise ContactRequired("the code needs a contact")
        return typed_phone(hashes, tenant, self.phone)


class ConfirmationBody(BaseModel):
    code: str = Field(pattern=r"^\s*[0-9]{6}\s*$", examples=["123456"])
    password: str = Field(max_length=1000, repr=False, examples=["a long pass phrase"])
    password_repeat: str = Field(max_length=1000, repr=False, examples=["a long pass phrase"])


class CodeStatus(BaseModel):
    sent_to: LoginKind
    expires_at: datetime
    resend_at: datetime = Field(description="From when another code can be sent")
    attempts_left: int


class Registration(BaseModel):
    """A registration on its way. `code` is there while one is awaited."""

    registration_id: UUID
    state: Literal["AWAITING_CODE", "CONFIRMED", "REGISTERED", "CLOSED"]
    closes_at: datetime | None = None
    code: CodeStatus | None = None


class RegisteredPatient(BaseModel):
    """The last step: what the patient signs in with, and what the card says (IDN-12)."""

    account_id: AccountId
    patient_id: PatientId
    login: str
    name: PersonName
    birth_date: date
    sex: Sex
    status: AccountStatus


@router.post("", status_code=201, responses=PROBLEMS.of(UnknownTenant, TooManyAttempts))
async def start_registration(
    body: RegistrationBody,
    request: Request,
    desk: DeskDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("start_registration"))],
) -> Registration:
    """Enter the data of a new patient; a code goes to the contact, and nothing exists until it is entered.

    The answer does not tell whether the contact belongs to an account already.
    """
    if body.birth_date < _OLDEST or body.birth_date > caller.now.date():
        raise invalid_fields(request, {"birth_date": "BIRTH_DATE_INVALID"})
    rules, version = await policies.at(caller.tenant, caller.now)
    login = body.login(desk.secrets.logins, caller.tenant)
    context = caller.context(key=idempotent_key(request, login.lookup), policy=version)
    card = TypedCard(
        name=full_name(body.last_name, body.first_name, body.patronymic),
        birth_date=body.birth_date,
        sex=body.sex,
        email=body.email,
        phone=body.phone,
        login=login,
        language=body.language or caller.language,
        consents=_answers(body.consents, caller.now),
    )
    try:
        handled = await desk.registrar.start(card, rules=rules, context=context)
    except TooManyAttempts as too_many:
        raise later(too_many, too_many.retry_after_seconds) from None
    caller.confirm(handled)
    return _shown(context.command_id, handled.state)


@router.post(
    "/{registration_id}/code",
    status_code=201,
    responses=PROBLEMS.of(UnknownRegistration, RegistrationOver, ResendTooEarly, CodesUsedUp),
)
async def send_another_code(
    registration_id: UUID,
    request: Request,
    desk: DeskDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("send_another_code"))],
) -> Registration:
    """Have another code sent; the one before is worth nothing then."""
    context = caller.context(key=idempotent_key(request, "code", registration_id))
    try:
        handled = await desk.registrar.send_another_code(registration_id, context=context)
    except ResendTooEarly as early:
        raise later(early, early.retry_after_seconds) from None
    caller.confirm(handled)
    return _shown(registration_id, handled.state)


@router.post(
    "/{registration_id}/confirmation",
    status_code=201,
    responses=PROBLEMS.of(UnknownRegistration, RegistrationOver, LoginTaken),
)
async def confirm_registration(
    registration_id: UUID,
    body: ConfirmationBody,
    request: Request,
    identity: IdentityDep,
    desk: DeskDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("confirm_registration"))],
) -> RegisteredPatient:
    """Enter the code and choose a password; answers once the account is open.

    Unequal passwords, a poor password, and a wrong or expired code are errors of their fields, and the registration
    stays at this step. After too many wrong codes it is over and has to be started again. That a contact belongs to
    an account already is told only to who has the code.
    """
    if body.password != body.password_repeat:
        raise invalid_fields(request, {"password_repeat": "PASSWORDS_DIFFER"})
    rules, version = await policies.at(caller.tenant, caller.now)
    context = caller.context(
        key=idempotent_key(request, "confirmation", registration_id), policy=version
    )
    try:
        handled = await desk.registrar.confirm(
            registration_id,
            code=body.code.strip(),
            password=body.password,
            rules=rules,
            context=context,
        )
    except PasswordRefused as refused:
        raise invalid_fields(
            request, {"password": refused.fault}, min_length=rules.password_min_length
        ) from None
    except CodeExpired as expired:
        raise invalid_fields(request, {"code": expired.code}) from None
    caller.confirm(handled)
    _require_right_code(handled, request)
    registered = await settled(
        identity.registrations,
        tenant=caller.tenant,
        key=registration_id,
        when=lambda state: isinstance(state, Registered | Closed),
        within_seconds=desk.account_wait_seconds,
    )
    if not isinstance(registered, Registered):
        raise LoginTaken
    return await _registered(registered.details, desk.sealers.of(caller.tenant))


@router.delete(
    "/{registration_id}",
    status_code=204,
    responses=PROBLEMS.of(UnknownRegistration, RegistrationOver),
)
async def abandon_registration(
    registration_id: UUID,
    request: Request,
    desk: DeskDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("abandon_registration"))],
) -> None:
    """Cancel a registration, or go back to its first step: a new one can be started at once."""
    context = caller.context(key=idempotent_key(request, "abandon", registration_id))
    caller.confirm(await desk.registrar.abandon(registration_id, context=context))


def _answers(consents: Consents, now: datetime) -> tuple[Consent, ...]:
    given = {
        ConsentKind.PERSONAL_DATA: consents.personal_data,
        ConsentKind.LETTERS: consents.letters,
    }
    return tuple(
        Consent(kind=kind, given=answer, document=consents.document, answered_at=now)
        for kind, answer in given.items()
    )


def _require_right_code(handled: Answer, request: Request) -> None:
    match handled.state:
        case AwaitingCode(attempts_left=attempts_left):
            raise invalid_fields(request, {"code": "CODE_WRONG"}, attempts_left=attempts_left)
        case Closed(closure=RegistrationClosure.CODES_USED_UP as closure):
            raise RegistrationOver(closure=closure)
        case _:
            pass


def _shown(registration_id: UUID, state: RegistrationAttempt) -> Registration:
    match state:
        case AwaitingCode():
            return Registration(
                registration_id=registration_id,
                state="AWAITING_CODE",
                closes_at=state.details.closes_at,
                code=CodeStatus(
                    sent_to=state.details.login.kind,
                    expires_at=state.expires_at,
                    resend_at=state.resend_at,
                    attempts_left=state.attempts_left,
                ),
            )
        case Closed():
            return Registration(registration_id=registration_id, state="CLOSED")
        case Registered():
            return Registration(registration_id=registration_id, state="REGISTERED")
        case _:
            return Registration(registration_id=registration_id, state="CONFIRMED")


async def _registered(details: RegistrationDetails, sealer: Sealer) -> RegisteredPatient:
    profile = details.profile
    login, last, first, born = await sealer.open_all(
        [details.login.value, profile.last_name, profile.first_name, profile.birth_date]
    )
    patronymic = None if profile.patronymic is None else await sealer.open(profile.patronymic)
    return RegisteredPatient(
        account_id=details.account_id,
        patient_id=profile.patient_id,
        login=login,
        name=PersonName.of(FullName(last=last, first=first, patronymic=patronymic)),
        birth_date=date.fromisoformat(born),
        sex=profile.sex,
        status=AccountStatus.UNCONFIRMED,
    )

"""Organisations, branches and staff, set up by operators."""

from typing import Annotated, Literal
from uuid import uuid5

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, field_validator, model_validator

from event_store import CommandContext
from identity.api.access import ACCESS
from identity.api.dependencies import Desk, DeskDep, IdentityDep
from identity.api.problems import PROBLEMS
from identity.application import Identity
from identity.application.contexts import about
from identity.application.logins import typed_email
from identity.application.waiting import settled
from identity.domain.account.commands import RequestAccount
from identity.domain.account.state import Open, Refused
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.organisation.commands import AddBranch, RegisterOrganisation
from identity.domain.organisation.errors import (
    OrganisationExists,
    UnknownBranch,
    UnknownOrganisation,
)
from identity.domain.organisation.state import KEY, Organisation
from identity.domain.people import AccountDetails, AccountStatus, ClinicianDetails, Login, Role
from service_kit.access import Caller
from service_kit.texts import Language
from vocabulary.email import Email, parse_email
from vocabulary.ids import AccountId, BranchId, ClinicianId, OrganisationId
from vocabulary.people import FullName, full_name
from vocabulary.zone import ZoneId, zone_id

__all__ = ["router"]

router = APIRouter(prefix="/internal", tags=["internal"])

Line = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class OrganisationBody(BaseModel):
    legal_name: Line
    languages: tuple[Language, ...] = Field(default=("ru", "en"), min_length=1, max_length=2)


class OrganisationAnswer(BaseModel):
    organisation_id: OrganisationId


class BranchBody(BaseModel):
    name: Line
    address: Line
    phone: Annotated[str, Field(min_length=1, max_length=60)]
    zone: ZoneId = Field(description="IANA zone", examples=["Europe/Moscow"])

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> ZoneId:
        return zone_id(zone)


class BranchAnswer(BaseModel):
    branch_id: BranchId


class StaffBody(BaseModel):
    role: Literal["clinician", "manager", "administrator"]
    email: Email = Field(description="The login", max_length=254)
    last_name: Name
    first_name: Name
    patronymic: Name | None = None
    language: Language | None = Field(
        default=None, description="The organisation's first language when left out"
    )
    password: str | None = Field(
        default=None, min_length=8, max_length=128, repr=False, description="Made when left out"
    )
    branch_id: BranchId | None = Field(default=None, description="Of a clinician")
    specialty: Line | None = Field(default=None, description="Of a clinician")
    category: Line | None = None

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str) -> Email:
        return parse_email(email)

    @model_validator(mode="after")
    def _is_complete(self) -> "StaffBody":
        if self.role == "clinician" and (self.branch_id is None or self.specialty is None):
            raise ValueError("a clinician has a branch and a specialty")
        return self


class StaffAnswer(BaseModel):
    account_id: AccountId
    clinician_id: ClinicianId | None
    login: str
    password: str | None = Field(repr=False, description="Only when it was made here")


@router.post("/organisations", status_code=201, responses=PROBLEMS.of(OrganisationExists))
async def register_organisation(
    body: OrganisationBody,
    identity: IdentityDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("register_organisation"))],
) -> OrganisationAnswer:
    """Register the organisation of a tenant; the tenant exists from then on."""
    context = caller.context()
    organisation_id = OrganisationId(context.command_id)
    handled = await identity.organisations.handle(
        RegisterOrganisation(
            organisation_id=organisation_id, legal_name=body.legal_name, languages=body.languages
        ),
        key=KEY,
        context=context,
    )
    caller.confirm(handled)
    return OrganisationAnswer(organisation_id=organisation_id)


@router.post("/branches", status_code=201, responses=PROBLEMS.of(UnknownOrganisation))
async def add_branch(
    body: BranchBody,
    identity: IdentityDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("add_branch"))],
) -> BranchAnswer:
    """Add a branch to the tenant's organisation."""
    context = caller.context()
    branch_id = BranchId(context.command_id)
    handled = await identity.organisations.handle(
        AddBranch(
            branch_id=branch_id,
            name=body.name,
            address=body.address,
            phone=body.phone,
            zone=body.zone,
        ),
        key=KEY,
        context=context,
    )
    caller.confirm(handled)
    return BranchAnswer(branch_id=branch_id)


@router.post(
    "/staff",
    status_code=201,
    responses=PROBLEMS.of(LoginTaken, UnknownOrganisation, UnknownBranch),
)
async def add_staff(
    body: StaffBody,
    identity: IdentityDep,
    desk: DeskDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("add_staff"))],
) -> StaffAnswer:
    """Open an account for a clinician, a manager or an administrator; answers once it is open."""
    organisation, _ = await identity.organisations.load(tenant=caller.tenant, key=KEY)
    _require_place(body, organisation)
    context = caller.context()
    account_id = AccountId(context.command_id)
    password = body.password or desk.secrets.hashes.first_password(account_id)
    clinician_id = await _request_account(
        body,
        account_id,
        password=password,
        language=body.language or organisation.default_language,
        identity=identity,
        desk=desk,
        caller=caller,
        context=about(context, account_id),
    )
    account = await settled(
        identity.accounts,
        tenant=caller.tenant,
        key=account_id,
        when=lambda state: isinstance(state, Open | Refused),
        within_seconds=desk.account_wait_seconds,
    )
    if isinstance(account, Refused):
        raise LoginTaken
    return StaffAnswer(
        account_id=account_id,
        clinician_id=clinician_id,
        login=body.email,
        password=None if body.password else password,
    )


def _require_place(body: StaffBody, organisation: Organisation) -> None:
    if organisation.organisation_id is None:
        raise UnknownOrganisation
    if body.branch_id is not None and body.branch_id not in organisation.branches:
        raise UnknownBranch


async def _request_account(
    body: StaffBody,
    account_id: AccountId,
    *,
    password: str,
    language: str,
    identity: Identity,
    desk: Desk,
    caller: Caller,
    context: CommandContext,
) -> ClinicianId | None:
    sealer = desk.sealers.of(caller.tenant)
    login = typed_email(desk.secrets.logins, caller.tenant, body.email)
    name = full_name(body.last_name, body.first_name, body.patronymic)
    clinician = _clinician(body, account_id, name)
    handled = await identity.accounts.handle(
        RequestAccount(
            details=AccountDetails(
                account_id=account_id,
                login=Login(
                    kind=login.kind,
                    lookup=login.lookup,
                    value=await sealer.seal(account_id, "email", login.text),
                ),
                roles=(Role(body.role),),
                status=AccountStatus.CONFIRMED,
                language=language,
                clinician=clinician,
                name=None if clinician else await sealer.seal(account_id, "name", name),
            ),
            password=await sealer.seal(
                account_id, "password", await desk.passwords.conceal(password)
            ),
        ),
        key=account_id,
        context=context,
    )
    caller.confirm(handled)
    return None if clinician is None else clinician.clinician_id


def _clinician(body: StaffBody, account_id: AccountId, name: FullName) -> ClinicianDetails | None:
    if body.role != "clinician" or body.branch_id is None or body.specialty is None:
        return None
    return ClinicianDetails(
        clinician_id=ClinicianId(uuid5(account_id, "clinician")),
        branch_id=body.branch_id,
        last_name=name.last,
        first_name=name.first,
        patronymic=name.patronymic,
        specialty=body.specialty,
        category=body.category,
    )

"""The price list of a branch."""

from itertools import groupby
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from billing.api.access import ACCESS
from billing.api.dependencies import BillingDep, QueriesDep
from billing.api.problems import PROBLEMS
from billing.domain.price_list.commands import PublishPrice, WithdrawPrice
from billing.domain.price_list.errors import PriceNotPositive, ServiceCodeTaken, ServiceNotPriced
from billing.domain.price_list.events import AppointmentKind, ServiceScope
from billing.read_models import prices
from service_kit.access import Caller
from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.money import Money

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/price-list", tags=["prices"])


Specialty = Annotated[str, Field(min_length=1, max_length=200, examples=["Терапевт"])]


class Scope(BaseModel):
    """Which appointments a service is for: of the doctors or specialties named, of the kinds named.

    Without doctors and specialties it is for those of everybody, without kinds for any.
    """

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    clinician_ids: list[UUID] = Field(default=[], max_length=500)
    specialties: list[Specialty] = Field(default=[], max_length=100)
    kinds: list[AppointmentKind] = Field(default=[], max_length=2)


class NewPrice(BaseModel):
    """A service and what it costs. With the id of a service that is sold already, its new price.

    Without `scope` it stays what it was; a new service is then for any appointment.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "branch_id": "0190b000-0000-7000-8000-000000000001",
                    "department": "Терапия",
                    "code": "B01.047.001",
                    "name": "Приём врача-терапевта первичный",
                    "price_kopecks": 150000,
                }
            ]
        },
    )

    branch_id: UUID
    service_id: UUID | None = None
    department: str = Field(min_length=1, max_length=200)
    code: str = Field(min_length=1, max_length=50)
    name: str = Field(min_length=1, max_length=500)
    price_kopecks: int = Field(gt=0, le=35_000_000)
    scope: Scope | None = None


class Price(BaseModel):
    """A service on sale."""

    service_id: UUID
    code: str
    name: str
    price_kopecks: int
    scope: Scope


class Department(BaseModel):
    """The services of a department and how many there are."""

    department: str
    count: int
    services: list[Price]


class PriceList(BaseModel):
    """What a branch sells."""

    branch_id: UUID
    departments: list[Department]


class Published(BaseModel):
    """The service that has a price now."""

    service_id: UUID


@router.get("")
async def read_price_list(
    branch_id: UUID,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_price_list"))],
) -> PriceList:
    """What a branch sells, grouped by department with the number of services. What has no price is not listed."""
    rows = await prices.on_sale(db, caller.tenant, BranchId(branch_id))
    departments = []
    for department, group in groupby(rows, key=lambda row: row.department):
        services = [
            Price(
                service_id=row.service_id,
                code=row.code,
                name=row.name,
                price_kopecks=row.price.kopecks,
                scope=Scope.model_validate(row.scope),
            )
            for row in group
        ]
        departments.append(
            Department(department=department, count=len(services), services=services)
        )
    return PriceList(branch_id=branch_id, departments=departments)


@router.post(
    "/services", status_code=201, responses=PROBLEMS.of(ServiceCodeTaken, PriceNotPositive)
)
async def publish_price(
    body: NewPrice,
    billing: BillingDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("publish_price"))],
) -> Published:
    """Put a service on sale, or change what it costs. Invoices issued before keep their price."""
    context = caller.context()
    service_id = ServiceId(body.service_id or uuid5(context.command_id, "service"))
    command = PublishPrice(
        service_id=service_id,
        branch_id=BranchId(body.branch_id),
        department=body.department,
        code=body.code,
        name=body.name,
        price=Money(kopecks=body.price_kopecks),
        scope=_scope_of(body.scope) if body.scope else None,
    )
    caller.confirm(await billing.price_lists.handle(command, key=body.branch_id, context=context))
    return Published(service_id=service_id)


@router.delete("/services/{service_id}", status_code=204, responses=PROBLEMS.of(ServiceNotPriced))
async def withdraw_price(
    service_id: UUID,
    branch_id: UUID,
    billing: BillingDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("withdraw_price"))],
) -> None:
    """Take a service off sale in a branch."""
    command = WithdrawPrice(service_id=ServiceId(service_id), branch_id=BranchId(branch_id))
    caller.confirm(
        await billing.price_lists.handle(command, key=branch_id, context=caller.context())
    )


def _scope_of(body: Scope) -> ServiceScope:
    return ServiceScope(
        clinician_ids=tuple(ClinicianId(each) for each in body.clinician_ids),
        specialties=tuple(body.specialties),
        kinds=tuple(body.kinds),
    )

"""The directory and the doctors' calendars: what everybody may see before booking."""

import calendar
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from booking.api.access import ACCESS
from booking.api.dependencies import BookingDep, PoliciesDep, QueriesDep
from booking.api.problems import PROBLEMS
from booking.api.shown import BranchOut, DoctorCard, SlotOut, cards, show_branch, show_slots
from booking.domain.details import local_day_of
from booking.domain.doctor_listing.commands import SetDefaultService
from booking.domain.doctor_listing.errors import DoctorNotFound
from booking.read_models import branches, day_slots, doctor_search, price_list
from booking.read_models.branches import BranchRow
from booking.read_models.day_slots import DayRow
from booking.read_models.doctor_search import DoctorRow
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Problem
from service_kit.reads import Page, PageQueryDep, page_of, text
from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.zone import utc_to_local

__all__ = ["require_doctor", "router"]

router = APIRouter(prefix="/api/v1", tags=["doctors"])

_FOUND_AT_MOST = 20


class Found(BaseModel):
    """What a search found, the three kinds apart."""

    doctors: list[DoctorCard]
    specialties: Annotated[list[str], Field(examples=[["Терапевт"]])]
    clinics: list[BranchOut]


class CalendarDay(BaseModel):
    """One day of a doctor's calendar; without `booking` no appointments are offered."""

    date: date
    booking: bool
    works_from: Annotated[str | None, Field(examples=["09:00"])] = None
    works_to: Annotated[str | None, Field(examples=["12:30"])] = None
    free_slots: int = 0


class Calendar(BaseModel):
    """A month of a doctor, day by day, by the clocks of the branch."""

    month: Annotated[str, Field(examples=["2026-12"])]
    zone: str
    days: list[CalendarDay]


class DaySlots(BaseModel):
    """The free slots of one day."""

    date: date
    zone: str
    slots: list[SlotOut]


class DefaultServiceBody(BaseModel):
    """The service whose price stands on the doctor's card; null: none."""

    service_id: ServiceId | None


@router.get("/search")
async def search(
    q: Annotated[str, Query(min_length=1, max_length=100, examples=["тера"])],
    db: QueriesDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("search"))],
) -> Found:
    """Search doctors, specialties and clinics while typing.

    Every typed word must occur in the name; letter case and the difference between е and ё do not matter.
    """
    doctors = await doctor_search.search_doctors(db, caller.tenant, q, _FOUND_AT_MOST)
    clinics = await branches.search(db, caller.tenant, q, _FOUND_AT_MOST)
    return Found(
        doctors=await cards(db, policies, caller.tenant, doctors, caller.now),
        specialties=await doctor_search.search_specialties(db, caller.tenant, q, _FOUND_AT_MOST),
        clinics=[show_branch(row) for row in clinics],
    )


@router.get("/doctors")
async def list_doctors(
    db: QueriesDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_doctors"))],
    page: PageQueryDep,
    q: Annotated[str, Query(max_length=100, description="Words of the name")] = "",
    specialty: Annotated[str, Query(max_length=200, examples=["Терапевт"])] = "",
    branch_id: BranchId | None = None,
) -> Page[DoctorCard]:
    """List the doctors of the clinic in order of their names."""
    rows = await doctor_search.page(
        db,
        caller.tenant,
        query=q,
        specialty=specialty,
        branch_id=branch_id,
        after=page.place(name=text, id=UUID),
        limit=page.limit + 1,
    )
    shown = {
        card.clinician_id: card
        for card in await cards(db, policies, caller.tenant, rows[: page.limit], caller.now)
    }
    return page_of(
        rows,
        page,
        key=lambda row: {"name": row.searched_name, "id": str(row.clinician_id)},
        show=lambda row: shown[row.clinician_id],
    )


@router.get("/doctors/{clinician_id}", responses=PROBLEMS.of(DoctorNotFound))
async def read_doctor(
    clinician_id: ClinicianId,
    db: QueriesDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_doctor"))],
) -> DoctorCard:
    """Read the card of one doctor: name, specialty, nearest free date, price."""
    doctor = await doctor_search.find(db, caller.tenant, clinician_id)
    if doctor is None:
        raise DoctorNotFound
    (card,) = await cards(db, policies, caller.tenant, [doctor], caller.now)
    return card


@router.put("/doctors/{clinician_id}/default-service", responses=PROBLEMS.of(DoctorNotFound))
async def set_default_service(
    clinician_id: ClinicianId,
    body: DefaultServiceBody,
    booking: BookingDep,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("set_default_service"))],
) -> DefaultServiceBody:
    """Choose the service whose price is shown on a doctor's card; it must be on the price list."""
    if body.service_id is not None:
        known = await price_list.by_ids(db, caller.tenant, [body.service_id])
        if not known:
            raise Problem(409, "SERVICE_NOT_OFFERED")
    handled = await booking.doctor_listings.handle(
        SetDefaultService(service_id=body.service_id), key=clinician_id, context=caller.context()
    )
    caller.confirm(handled)
    return body


@router.get("/doctors/{clinician_id}/calendar", responses=PROBLEMS.of(DoctorNotFound))
async def read_calendar(
    clinician_id: ClinicianId,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_calendar"))],
    month: Annotated[
        str | None,
        Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", description="This month when left out"),
    ] = None,
) -> Calendar:
    """Show a month of a doctor: for each day the working hours, or that nothing can be booked."""
    _, branch = await require_doctor(db, caller.tenant, clinician_id)
    first = local_day_of(caller.now, branch.zone).replace(day=1)
    if month is not None:
        first = date.fromisoformat(f"{month}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    rows = await day_slots.month(db, caller.tenant, clinician_id, first, last)
    days = [first.replace(day=number) for number in range(1, last.day + 1)]
    return Calendar(
        month=f"{first:%Y-%m}",
        zone=branch.zone,
        days=[_calendar_day(day, rows.get(day), branch, caller) for day in days],
    )


@router.get("/doctors/{clinician_id}/slots", responses=PROBLEMS.of(DoctorNotFound))
async def read_slots(
    clinician_id: ClinicianId,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_slots"))],
    date: Annotated[date, Query(description="A date of the branch", examples=["2026-12-01"])],
) -> DaySlots:
    """List the free slots of a day, each from-to with the label of the branch's zone."""
    _, branch = await require_doctor(db, caller.tenant, clinician_id)
    row = await day_slots.find(db, caller.tenant, clinician_id, date)
    free = row.free(caller.now) if row else []
    return DaySlots(
        date=date, zone=branch.zone, slots=show_slots(free, branch.zone, caller.language)
    )


async def require_doctor(
    db: Queries, tenant: str, clinician_id: ClinicianId
) -> tuple[DoctorRow, BranchRow]:
    """The doctor and where the doctor works; raises DoctorNotFound."""
    doctor = await doctor_search.find(db, tenant, clinician_id)
    if doctor is None:
        raise DoctorNotFound
    branch = (await branches.by_ids(db, tenant, [doctor.branch_id])).get(doctor.branch_id)
    if branch is None:
        raise DoctorNotFound
    return doctor, branch


def _calendar_day(day: date, row: DayRow | None, branch: BranchRow, caller: Caller) -> CalendarDay:
    slots = row.slots if row else []
    if row is None or not slots:
        return CalendarDay(date=day, booking=False)
    return CalendarDay(
        date=day,
        booking=True,
        works_from=f"{utc_to_local(slots[0].starts_at, branch.zone):%H:%M}",
        works_to=f"{utc_to_local(slots[-1].ends_at, branch.zone):%H:%M}",
        free_slots=len(row.free(caller.now)),
    )

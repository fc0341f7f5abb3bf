"""The doctor's schedule templates (BKG-57..61)."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from booking.api.access import ACCESS
from booking.api.dependencies import BookingDep, PoliciesDep, QueriesDep
from booking.api.doctors import require_doctor
from booking.api.problems import PROBLEMS
from booking.api.times import StartDate, WallTime
from booking.application import Booking
from booking.domain.details import AppointmentKind
from booking.domain.doctor_listing.errors import DoctorNotFound
from booking.domain.schedule_template.commands import (
    ActivateTemplate,
    CreateTemplate,
    DeactivateTemplate,
    DeleteTemplate,
    ScheduleTemplateCommand,
    UpdateTemplate,
)
from booking.domain.schedule_template.errors import (
    TemplateActive,
    TemplateInvalid,
    TemplateNotFound,
    TemplatesOverlap,
)
from booking.domain.schedule_template.events import Template
from booking.domain.schedule_template.state import Active, Deleted, Schedule
from booking.read_models import schedule_templates
from booking.read_models.schedule_templates import TemplateRow
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Problem
from service_kit.reads import Page, PageQueryDep, page_of
from vocabulary.ids import ClinicianId, TemplateId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/schedule-templates", tags=["schedule"])


class Weekday(StrEnum):
    """A day of the week, Monday first."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


_WEEK = tuple(Weekday)


class TemplateBody(BaseModel):
    """A working week. Times are those of the branch's clocks; `cells` are the ticked cells of the 15-minute grid.

    A slot lasts until the next ticked cell, the last one as long as the step before it, at most to the end of the
    working day (midnight when left out).
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Будни, утро",
                    "kinds": ["ONLINE"],
                    "valid_from": "2026-12-01",
                    "valid_to": "2027-05-31",
                    "weekdays": ["MON", "TUE", "WED", "THU", "FRI"],
                    "first_at": "09:00",
                    "last_at": "12:00",
                    "cells": ["09:00", "09:30", "10:00", "10:30"],
                    "day_ends_at": "13:00",
                }
            ]
        },
    )

    name: Annotated[str, Field(max_length=200)] = ""
    kinds: Annotated[list[AppointmentKind], Field(max_length=2)]
    valid_from: StartDate
    valid_to: date
    weekdays: Annotated[list[Weekday], Field(max_length=7)]
    first_at: WallTime
    last_at: WallTime
    cells: Annotated[list[WallTime], Field(max_length=96)] = []
    day_ends_at: WallTime | None = None


class NewTemplateBody(TemplateBody):
    """A template; `clinician_id` is the caller's own when left out."""

    clinician_id: ClinicianId | None = None


class TemplateOut(TemplateBody):
    """A saved template; it offers slots while it is active, so far up to `opened_until`."""

    template_id: TemplateId
    clinician_id: ClinicianId
    zone: str
    valid_from: date  # one that was saved before the bound is still shown
    active: bool
    opened_until: date | None


@router.post("", status_code=201, responses=PROBLEMS.of(TemplateInvalid, DoctorNotFound))
async def create_template(
    body: NewTemplateBody,
    booking: BookingDep,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("create_template"))],
) -> TemplateOut:
    """Save a template of a doctor. It is inactive until it is switched on."""
    clinician_id = _doctor(body.clinician_id, caller)
    template = await _template(body, clinician_id, db, caller.tenant)
    context = caller.context()
    template_id = TemplateId(context.command_id)
    handled = await booking.schedule_templates.handle(
        CreateTemplate(template_id=template_id, template=template),
        key=clinician_id,
        context=context,
    )
    caller.confirm(handled)
    return _shown_state(template_id, handled.state)


@router.get("")
async def list_templates(
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_templates"))],
    page: PageQueryDep,
    clinician_id: Annotated[
        ClinicianId | None, Query(description="The caller's own when left out")
    ] = None,
) -> Page[TemplateOut]:
    """List the templates of a doctor."""
    place = page.place(id=UUID)
    rows = await schedule_templates.page(
        db,
        caller.tenant,
        _doctor(clinician_id, caller),
        after=None if place is None else place[0],
        limit=page.limit + 1,
    )
    return page_of(rows, page, key=lambda row: {"id": str(row.template_id)}, show=_shown_row)


@router.get("/{template_id}", responses=PROBLEMS.of(TemplateNotFound))
async def read_template(
    template_id: TemplateId,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_template"))],
) -> TemplateOut:
    """Read one template."""
    row = await schedule_templates.find(db, caller.tenant, template_id)
    if row is None:
        raise TemplateNotFound
    caller.require(clinician_id=row.clinician_id)
    return _shown_row(row)


@router.put(
    "/{template_id}", responses=PROBLEMS.of(TemplateNotFound, TemplateInvalid, TemplateActive)
)
async def update_template(
    template_id: TemplateId,
    body: TemplateBody,
    booking: BookingDep,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("update_template"))],
) -> TemplateOut:
    """Change a template that is switched off."""
    clinician_id = await _owner(template_id, db, caller)
    template = await _template(body, clinician_id, db, caller.tenant)
    command = UpdateTemplate(template_id=template_id, template=template)
    return await _sent(command, clinician_id, booking, caller)


@router.put("/{template_id}/activation", responses=PROBLEMS.of(TemplateNotFound, TemplatesOverlap))
async def activate_template(
    template_id: TemplateId,
    booking: BookingDep,
    db: QueriesDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("activate_template"))],
) -> TemplateOut:
    """Switch a template on: its slots can be booked from today up to the policy's horizon, a day more each day."""
    clinician_id = await _owner(template_id, db, caller)
    rules, version = await policies.at(caller.tenant, caller.now)
    command = ActivateTemplate(
        template_id=template_id, horizon_days=rules.schedule_horizon_days, now=caller.now
    )
    return await _sent(command, clinician_id, booking, caller, policy=version)


@router.delete("/{template_id}/activation", responses=PROBLEMS.of(TemplateNotFound))
async def deactivate_template(
    template_id: TemplateId,
    booking: BookingDep,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("deactivate_template"))],
) -> TemplateOut:
    """Switch a template off: it offers nothing more. What is booked or held stays."""
    clinician_id = await _owner(template_id, db, caller)
    command = DeactivateTemplate(template_id=template_id, now=caller.now)
    return await _sent(command, clinician_id, booking, caller)


@router.delete("/{template_id}", status_code=204, responses=PROBLEMS.of(TemplateNotFound))
async def delete_template(
    template_id: TemplateId,
    booking: BookingDep,
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("delete_template"))],
    confirmed: Annotated[bool, Query(description="Asked a second time, and sure")] = False,  # noqa: FBT002 - a query parameter
) -> None:
    """Delete a template, after a second confirmation. An active one is switched off first; bookings stay."""
    if not confirmed:
        raise Problem(409, "CONFIRMATION_REQUIRED")
    clinician_id = await _owner(template_id, db, caller)
    handled = await booking.schedule_templates.handle(
        DeleteTemplate(template_id=template_id, now=caller.now),
        key=clinician_id,
        context=caller.context(),
    )
    caller.confirm(handled)


def _doctor(named: ClinicianId | None, caller: Caller) -> ClinicianId:
    """Whose templates they are: a doctor's own, or those of the doctor that the clinic names."""
    clinician_id = named or caller.clinician_id
    if clinician_id is None:
        raise DoctorNotFound
    caller.require(clinician_id=clinician_id)
    return clinician_id


async def _owner(template_id: TemplateId, db: Queries, caller: Caller) -> ClinicianId:
    """Whose template it is. One so new that it is not listed yet can only be the caller's own."""
    row = await schedule_templates.find(db, caller.tenant, template_id)
    owner = row.clinician_id if row else caller.clinician_id
    if owner is None:
        raise TemplateNotFound
    caller.require(clinician_id=owner)
    return owner


async def _template(
    body: TemplateBody, clinician_id: ClinicianId, db: Queries, tenant: str
) -> Template:
    doctor, branch = await require_doctor(db, tenant, clinician_id)
    return Template(
        name=body.name,
        clinician_id=clinician_id,
        branch_id=doctor.branch_id,
        zone=branch.zone,
        kinds=tuple(body.kinds),
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        weekdays=tuple(_WEEK.index(day) + 1 for day in body.weekdays),
        first_at=body.first_at,
        last_at=body.last_at,
        cells=tuple(body.cells),
        day_ends_at=body.day_ends_at,
    )


async def _sent(
    command: ScheduleTemplateCommand,
    clinician_id: ClinicianId,
    booking: Booking,
    caller: Caller,
    *,
    policy: int | None = None,
) -> TemplateOut:
    handled = await booking.schedule_templates.handle(
        command, key=clinician_id, context=caller.context(policy=policy)
    )
    caller.confirm(handled)
    return _shown_state(command.template_id, handled.state)


def _shown_state(template_id: TemplateId, state: Schedule) -> TemplateOut:
    known = state.templates[template_id]
    if isinstance(known, Deleted):
        raise TemplateNotFound
    opened_until = known.opened_until if isinstance(known, Active) else None
    return _shown(template_id, known.template, opened_until)


def _shown_row(row: TemplateRow) -> TemplateOut:
    return _shown(row.template_id, row.template, row.opened_until)


def _shown(template_id: TemplateId, template: Template, opened_until: date | None) -> TemplateOut:
    return TemplateOut(
        template_id=template_id,
        clinician_id=template.clinician_id,
        zone=template.zone,
        active=opened_until is not None,
        opened_until=opened_until,
        name=template.name,
        kinds=list(template.kinds),
        valid_from=template.valid_from,
        valid_to=template.valid_to,
        weekdays=[_WEEK[number - 1] for number in template.weekdays],
        first_at=template.first_at,
        last_at=template.last_at,
        cells=list(template.cells),
        day_ends_at=template.day_ends_at,
    )

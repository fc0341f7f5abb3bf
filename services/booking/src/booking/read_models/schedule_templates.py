"""Schedule templates: whose they are, and whether they are switched on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import assert_never

from booking.domain.schedule_template.events import (
    ScheduleHorizonExtended,
    ScheduleTemplateActivated,
    ScheduleTemplateCreated,
    ScheduleTemplateDeactivated,
    ScheduleTemplateDeleted,
    ScheduleTemplateEvent,
    ScheduleTemplateUpdated,
    Template,
)
from read_models import Fact, Queries, View
from vocabulary.ids import ClinicianId, TemplateId

__all__ = ["VIEW", "TemplateRow", "find", "page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRow:
    tenant: str
    template_id: TemplateId
    clinician_id: ClinicianId
    template: Template
    opened_until: date | None = None
    """None while it is switched off."""


def project(
    row: TemplateRow | None, event: ScheduleTemplateEvent, fact: Fact
) -> TemplateRow | None:
    match event:
        case ScheduleTemplateCreated() | ScheduleTemplateUpdated() | ScheduleTemplateDeactivated():
            return TemplateRow(
                tenant=fact.tenant,
                template_id=event.template_id,
                clinician_id=event.template.clinician_id,
                template=event.template,
            )
        case ScheduleTemplateActivated() | ScheduleHorizonExtended():
            return row and replace(row, opened_until=event.opens_until)
        case ScheduleTemplateDeleted():
            return None
        case _:
            assert_never(event)


VIEW = View(
    name="schedule_templates",
    version=1,
    row=TemplateRow,
    key=("tenant", "template_id"),
    indexes=(("tenant", "clinician_id"),),
    events=dict.fromkeys(
        (
            ScheduleTemplateCreated,
            ScheduleTemplateUpdated,
            ScheduleTemplateActivated,
            ScheduleHorizonExtended,
            ScheduleTemplateDeactivated,
            ScheduleTemplateDeleted,
        ),
        lambda event, fact: [(fact.tenant, event.template_id)],
    ),
    project=project,
)


async def find(db: Queries, tenant: str, template_id: TemplateId) -> TemplateRow | None:
    return await db.one(VIEW, tenant=tenant, template_id=template_id)


async def page(
    db: Queries,
    tenant: str,
    clinician_id: ClinicianId,
    *,
    after: TemplateId | None,
    limit: int,
) -> Sequence[TemplateRow]:
    """The templates of a doctor in the order in which they were made (ids grow with time)."""
    where = "tenant = $1 AND clinician_id = $2 AND ($3::uuid IS NULL OR template_id > $3)"
    return await db.all(
        VIEW, where, tenant, clinician_id, after, order=("template_id",), limit=limit
    )

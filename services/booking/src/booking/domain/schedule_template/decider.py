"""Rules of schedule templates (BKG-57..61)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import assert_never

from booking.domain.details import local_day_of
from booking.domain.schedule_template.commands import (
    ActivateTemplate,
    CreateTemplate,
    DeactivateTemplate,
    DeleteTemplate,
    ExtendHorizon,
    ScheduleTemplateCommand,
    UpdateTemplate,
)
from booking.domain.schedule_template.errors import (
    CellOffGrid,
    CellOutsideHours,
    FirstAfterLast,
    LastAppointmentTooLate,
    TemplateActive,
    TemplateIncomplete,
    TemplateNameMissing,
    TemplateNotFound,
    TemplatesOverlap,
    ValidityReversed,
)
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
from booking.domain.schedule_template.grid import (
    CELL_MINUTES,
    minutes,
    overlap,
    working_day_minutes,
)
from booking.domain.schedule_template.state import (
    Active,
    Deleted,
    Inactive,
    Schedule,
    evolve,
)
from decider import Decider
from vocabulary.zone import local_to_utc

__all__ = ["SCHEDULE_TEMPLATE", "decide"]


def decide(command: ScheduleTemplateCommand, state: Schedule) -> Sequence[ScheduleTemplateEvent]:
    match command:
        case CreateTemplate():
            return create(command, state)
        case UpdateTemplate():
            return update(command, state)
        case ActivateTemplate():
            return activate(command, state)
        case ExtendHorizon():
            return extend(command, state)
        case DeactivateTemplate():
            return deactivate(command, state)
        case DeleteTemplate():
            return delete(command, state)
        case _:
            assert_never(command)


def create(command: CreateTemplate, state: Schedule) -> Sequence[ScheduleTemplateCreated]:
    if command.template_id in state.templates:
        return []
    template = _checked(command.template)
    return [ScheduleTemplateCreated(template_id=command.template_id, template=template)]


def update(command: UpdateTemplate, state: Schedule) -> Sequence[ScheduleTemplateUpdated]:
    template = _checked(command.template)
    known = state.templates.get(command.template_id)
    match known:
        case None | Deleted():
            raise TemplateNotFound
        case Active(template=current) | Inactive(template=current) if current == template:
            return []
        case Active():
            raise TemplateActive
        case Inactive():
            return [ScheduleTemplateUpdated(template_id=command.template_id, template=template)]
        case _:
            assert_never(known)


def activate(command: ActivateTemplate, state: Schedule) -> Sequence[ScheduleTemplateActivated]:
    known = state.templates.get(command.template_id)
    match known:
        case None | Deleted():
            raise TemplateNotFound
        case Active():
            return []
        case Inactive(template=template):
            for other_id, other in state.others_active(command.template_id):
                if overlap(template, other):
                    raise TemplatesOverlap(template_id=other_id, name=other.name)
            today = local_day_of(command.now, template.zone)
            until = today + timedelta(days=command.horizon_days - 1)
            return [
                ScheduleTemplateActivated(
                    template_id=command.template_id,
                    template=template,
                    horizon_days=command.horizon_days,
                    opens_from=today,
                    opens_until=until,
                    rolls_at=_next_roll(template, today, until),
                )
            ]
        case _:
            assert_never(known)


def extend(command: ExtendHorizon, state: Schedule) -> Sequence[ScheduleHorizonExtended]:
    """A roll that comes late opens all days that it missed; one of a switched off template opens none."""
    known = state.templates.get(command.template_id)
    match known:
        case Active(template=template, horizon_days=horizon, opened_until=opened_until):
            today = local_day_of(command.now, template.zone)
            until = today + timedelta(days=horizon - 1)
            if until <= opened_until:
                return []
            return [
                ScheduleHorizonExtended(
                    template_id=command.template_id,
                    template=template,
                    opens_from=max(today, opened_until + timedelta(days=1)),
                    opens_until=until,
                    rolls_at=_next_roll(template, today, until),
                )
            ]
        case _:
            return []


def deactivate(
    command: DeactivateTemplate, state: Schedule
) -> Sequence[ScheduleTemplateDeactivated]:
    known = state.templates.get(command.template_id)
    match known:
        case None | Deleted():
            raise TemplateNotFound
        case Inactive():
            return []
        case Active() as active:
            return [
                ScheduleTemplateDeactivated(
                    template_id=command.template_id,
                    template=active.template,
                    withdraws_from=local_day_of(command.now, active.template.zone),
                    withdraws_until=active.opened_until,
                )
            ]
        case _:
            assert_never(known)


def delete(
    command: DeleteTemplate, state: Schedule
) -> Sequence[ScheduleTemplateDeactivated | ScheduleTemplateDeleted]:
    known = state.templates.get(command.template_id)
    match known:
        case None:
            raise TemplateNotFound
        case Deleted():
            return []
        case Active(template=template) | Inactive(template=template):
            off = DeactivateTemplate(template_id=command.template_id, now=command.now)
            deleted = ScheduleTemplateDeleted(
                template_id=command.template_id, clinician_id=template.clinician_id
            )
            return [*deactivate(off, state), deleted]
        case _:
            assert_never(known)


def _checked(template: Template) -> Template:
    """The template in order, or the first reason why it cannot be."""
    name = " ".join(template.name.split())
    if not name:
        raise TemplateNameMissing
    if not template.kinds or not template.weekdays:
        raise TemplateIncomplete
    if template.valid_from > template.valid_to:
        raise ValidityReversed
    if template.first_at > template.last_at:
        raise FirstAfterLast
    if minutes(template.last_at) > working_day_minutes(template) - CELL_MINUTES:
        raise LastAppointmentTooLate
    if len(set(template.cells)) != len(template.cells) or any(map(_off_grid, template.cells)):
        raise CellOffGrid
    if any(not template.first_at <= cell <= template.last_at for cell in template.cells):
        raise CellOutsideHours
    return replace(
        template,
        name=name,
        cells=tuple(sorted(template.cells)),
        weekdays=tuple(sorted(set(template.weekdays))),
        kinds=tuple(sorted(set(template.kinds))),
    )


def _off_grid(cell: time) -> bool:
    return bool(cell.minute % CELL_MINUTES or cell.second or cell.microsecond)


def _next_roll(template: Template, today: date, opened_until: date) -> datetime | None:
    """The next midnight of the branch, unless nothing is left to open."""
    if opened_until >= template.valid_to:
        return None
    return local_to_utc(today + timedelta(days=1), time(), template.zone)


SCHEDULE_TEMPLATE: Decider[ScheduleTemplateCommand, Schedule, ScheduleTemplateEvent] = Decider(
    initial=Schedule(), decide=decide, evolve=evolve
)

"""What is remembered of a doctor's templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
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
from vocabulary.ids import TemplateId

__all__ = ["Active", "Deleted", "Inactive", "Known", "Schedule", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inactive:
    """Saved, and offering nothing."""

    template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """Offering slots up to and including `opened_until`."""

    template: Template
    horizon_days: int
    opened_until: date


@dataclass(frozen=True, slots=True)
class Deleted:
    """Remembered so that a repeated creation does not bring it back."""


Known = Inactive | Active | Deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All templates of one doctor."""

    templates: Mapping[TemplateId, Known] = field(default_factory=dict)

    def others_active(self, template_id: TemplateId) -> Iterator[tuple[TemplateId, Template]]:
        """Active templates beside this one."""
        for other_id, other in self.templates.items():
            if isinstance(other, Active) and other_id != template_id:
                yield other_id, other.template


def evolve(state: Schedule, event: ScheduleTemplateEvent) -> Schedule:
    match event:
        case ScheduleTemplateCreated() | ScheduleTemplateUpdated() | ScheduleTemplateDeactivated():
            return _with(state, event.template_id, Inactive(template=event.template))
        case ScheduleTemplateActivated():
            active = Active(
                template=event.template,
                horizon_days=event.horizon_days,
                opened_until=event.opens_until,
            )
            return _with(state, event.template_id, active)
        case ScheduleHorizonExtended():
            return _with(state, event.template_id, _extended(state, event))
        case ScheduleTemplateDeleted():
            return _with(state, event.template_id, Deleted())
        case _:
            assert_never(event)


def _extended(state: Schedule, event: ScheduleHorizonExtended) -> Known:
    known = state.templates[event.template_id]
    return replace(known, opened_until=event.opens_until) if isinstance(known, Active) else known


def _with(state: Schedule, template_id: TemplateId, known: Known) -> Schedule:
    return Schedule(templates={**state.templates, template_id: known})

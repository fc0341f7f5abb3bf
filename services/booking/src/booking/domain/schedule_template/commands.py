"""Wishes about a doctor's schedule templates."""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.schedule_template.events import Template
from vocabulary.ids import TemplateId

__all__ = [
    "ActivateTemplate",
    "CreateTemplate",
    "DeactivateTemplate",
    "DeleteTemplate",
    "ExtendHorizon",
    "ScheduleTemplateCommand",
    "UpdateTemplate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTemplate:
    template_id: TemplateId
    template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTemplate:
    template_id: TemplateId
    template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateTemplate:
    template_id: TemplateId
    horizon_days: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendHorizon:
    """A new day began where the branch is."""

    template_id: TemplateId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateTemplate:
    template_id: TemplateId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTemplate:
    """An active one is switched off first."""

    template_id: TemplateId
    now: datetime


ScheduleTemplateCommand = (
    CreateTemplate
    | UpdateTemplate
    | ActivateTemplate
    | ExtendHorizon
    | DeactivateTemplate
    | DeleteTemplate
)

"""Facts of a doctor's schedule templates. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import date, datetime, time

from booking.domain.details import AppointmentKind
from vocabulary.ids import BranchId, ClinicianId, TemplateId
from vocabulary.zone import ZoneId

__all__ = [
    "STORED_NAMES",
    "ScheduleHorizonExtended",
    "ScheduleTemplateActivated",
    "ScheduleTemplateCreated",
    "ScheduleTemplateDeactivated",
    "ScheduleTemplateDeleted",
    "ScheduleTemplateEvent",
    "ScheduleTemplateUpdated",
    "Template",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A working week (BKG-57): times are those of the branch's clocks, weekdays 1 (Monday) to 7.

    `cells` are the ticked cells of the 15-minute grid. `day_ends_at` is the end of the working day, None: midnight.
    """

    name: str
    clinician_id: ClinicianId
    branch_id: BranchId
    zone: ZoneId
    kinds: tuple[AppointmentKind, ...]
    valid_from: date
    valid_to: date
    weekdays: tuple[int, ...]
    first_at: time
    last_at: time
    cells: tuple[time, ...]
    day_ends_at: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTemplateCreated:
    """Inactive until switched on (BKG-60)."""

    template_id: TemplateId
    template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTemplateUpdated:
    """An inactive template reads otherwise now."""

    template_id: TemplateId
    template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTemplateActivated:
    """From now on it offers slots, for `horizon_days` ahead: these days at once, one more at each roll."""

    template_id: TemplateId
    template: Template
    horizon_days: int
    opens_from: date
    opens_until: date
    rolls_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleHorizonExtended:
    """A new day began, so these days can be booked too."""

    template_id: TemplateId
    template: Template
    opens_from: date
    opens_until: date
    rolls_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTemplateDeactivated:
    """It offers nothing any more on these days; what was booked stays booked."""

    template_id: TemplateId
    template: Template
    withdraws_from: date
    withdraws_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTemplateDeleted:
    """An inactive template is gone."""

    template_id: TemplateId
    clinician_id: ClinicianId


ScheduleTemplateEvent = (
    ScheduleTemplateCreated
    | ScheduleTemplateUpdated
    | ScheduleTemplateActivated
    | ScheduleHorizonExtended
    | ScheduleTemplateDeactivated
    | ScheduleTemplateDeleted
)

STORED_NAMES: dict[type[ScheduleTemplateEvent], str] = {
    ScheduleTemplateCreated: "ScheduleTemplateCreated.v1",
    ScheduleTemplateUpdated: "ScheduleTemplateUpdated.v1",
    ScheduleTemplateActivated: "ScheduleTemplateActivated.v1",
    ScheduleHorizonExtended: "ScheduleHorizonExtended.v1",
    ScheduleTemplateDeactivated: "ScheduleTemplateDeactivated.v1",
    ScheduleTemplateDeleted: "ScheduleTemplateDeleted.v1",
}

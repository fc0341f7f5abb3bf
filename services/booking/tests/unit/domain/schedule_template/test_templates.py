"""Templates are saved, switched on and off, and never overlap."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from booking.domain.details import AppointmentKind
from booking.domain.schedule_template.commands import (
    ActivateTemplate,
    CreateTemplate,
    DeactivateTemplate,
    DeleteTemplate,
    ExtendHorizon,
    UpdateTemplate,
)
from booking.domain.schedule_template.decider import SCHEDULE_TEMPLATE
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
    ScheduleTemplateUpdated,
    Template,
)
from decider import Rejection
from decider.testing import Specification
from vocabulary.ids import BranchId, ClinicianId, TemplateId
from vocabulary.zone import ZoneId

ID, OTHER = TemplateId(UUID(int=1)), TemplateId(UUID(int=2))
MOMENT = timedelta(microseconds=1)
# 1 December has begun in Moscow, and not yet in UTC.
NOW = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
MIDNIGHT = datetime(2026, 12, 1, 21, 0, tzinfo=UTC)

template = Template(
    name="Mornings",
    clinician_id=ClinicianId(UUID(int=3)),
    branch_id=BranchId(UUID(int=4)),
    zone=ZoneId("Europe/Moscow"),
    kinds=(AppointmentKind.ONLINE,),
    valid_from=date(2026, 12, 1),
    valid_to=date(2026, 12, 31),
    weekdays=(1, 2, 3),
    first_at=time(9),
    last_at=time(12),
    cells=(time(9), time(9, 30)),
)
create = CreateTemplate(template_id=ID, template=template)
created = ScheduleTemplateCreated(template_id=ID, template=template)
activate = ActivateTemplate(template_id=ID, horizon_days=10, now=NOW)
activated = ScheduleTemplateActivated(
    template_id=ID,
    template=template,
    horizon_days=10,
    opens_from=TODAY,
    opens_until=date(2026, 12, 10),
    rolls_at=MIDNIGHT,
)
deactivated = ScheduleTemplateDeactivated(
    template_id=ID,
    template=template,
    withdraws_from=TODAY,
    withdraws_until=date(2026, 12, 10),
)
deleted = ScheduleTemplateDeleted(template_id=ID, clinician_id=template.clinician_id)
update = UpdateTemplate(template_id=ID, template=replace(template, name="Evenings"))
delete = DeleteTemplate(template_id=ID, now=NOW)
deactivate = DeactivateTemplate(template_id=ID, now=NOW)
roll = ExtendHorizon(template_id=ID, now=MIDNIGHT)

schedule = Specification(SCHEDULE_TEMPLATE)


@pytest.mark.requirement("BKG-57", "BKG-60")
def test_a_saved_template_is_inactive_until_switched_on() -> None:
    schedule.given().when(create).then(created)
    schedule.given(created).when(roll).then_nothing()
    schedule.given(created).when(activate).then(activated)


@pytest.mark.requirement("BKG-57")
def test_a_doctor_owns_any_number_of_templates() -> None:
    more = replace(create, template_id=OTHER)
    schedule.given(created).when(more).then(replace(created, template_id=OTHER))


def test_a_template_is_kept_tidy() -> None:
    untidy = replace(
        template,
        name="  Mornings ",
        cells=template.cells[::-1],
        weekdays=(3, 1, 2, 1),
        kinds=(AppointmentKind.ONLINE, AppointmentKind.ONLINE),
    )
    schedule.given().when(replace(create, template=untidy)).then(created)


@pytest.mark.requirement("BKG-59", "BKG-60")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"name": " "}, TemplateNameMissing, marks=pytest.mark.requirement("BKG-60")),
        ({"kinds": ()}, TemplateIncomplete),
        ({"weekdays": ()}, TemplateIncomplete),
        ({"valid_to": date(2026, 11, 30)}, ValidityReversed),
        ({"first_at": time(12, 1)}, FirstAfterLast),
        ({"last_at": time(23, 46)}, LastAppointmentTooLate),
        ({"day_ends_at": time(12, 14)}, LastAppointmentTooLate),
        ({"cells": (time(9, 10),)}, CellOffGrid),
        ({"cells": (time(9, 0, 1),)}, CellOffGrid),
        ({"cells": (time(9, 0, 0, 1),)}, CellOffGrid),
        ({"cells": (time(9), time(9))}, CellOffGrid),
        ({"cells": (time(8, 45),)}, CellOutsideHours),
        ({"cells": (time(12, 15),)}, CellOutsideHours),
    ],
)
def test_a_template_that_contradicts_itself_is_refused(
    changes: dict[str, object], reason: type[Rejection]
) -> None:
    wrong = replace(template, **changes)  # type: ignore[arg-type]  # one field each, as in the table
    schedule.given().when(replace(create, template=wrong)).then_rejected(reason)
    schedule.given(created).when(replace(update, template=wrong)).then_rejected(reason)


@pytest.mark.requirement("BKG-59")
@pytest.mark.parametrize(
    "changes",
    [
        {"last_at": time(23, 45)},
        {"last_at": time(23, 44)},
        {"day_ends_at": time(12, 15)},
        {"day_ends_at": time(12, 16)},
        {"first_at": time(12), "cells": (time(12),)},
    ],
)
def test_the_last_appointment_may_be_15_minutes_before_the_end_of_the_working_day(
    changes: dict[str, object],
) -> None:
    fits = replace(template, **changes)  # type: ignore[arg-type]  # one field each, as in the table
    schedule.given().when(replace(create, template=fits)).then(replace(created, template=fits))


@pytest.mark.requirement("BKG-61")
def test_templates_are_switched_on_and_off_one_by_one() -> None:
    other = replace(template, weekdays=(5,))
    created_other = replace(created, template_id=OTHER, template=other)
    activate_other = replace(activate, template_id=OTHER)
    activated_other = replace(activated, template_id=OTHER, template=other)
    both = schedule.given(created, created_other, activated)
    both.when(activate_other).then(activated_other)
    both.when(replace(deactivate, template_id=OTHER)).then_nothing()
    both.when(deactivate).then(deactivated)
    schedule.given(created, activated, deactivated).when(activate).then(activated)


def test_two_active_templates_may_not_offer_the_same_time() -> None:
    other = replace(created, template_id=OTHER, template=replace(template, name="Double"))
    both = schedule.given(created, other, activated)
    both.when(replace(activate, template_id=OTHER)).then_rejected(
        TemplatesOverlap, template_id=ID, name="Mornings"
    )
    schedule.given(created, other, activated, deactivated).when(
        replace(activate, template_id=OTHER)
    ).then(replace(activated, template_id=OTHER, template=other.template))


def test_an_active_template_is_not_edited() -> None:
    schedule.given(created).when(update).then(
        ScheduleTemplateUpdated(template_id=ID, template=update.template)
    )
    schedule.given(created, activated).when(update).then_rejected(TemplateActive)
    schedule.given(created, activated).when(replace(update, template=template)).then_nothing()


def test_a_deleted_template_is_switched_off_first_and_does_not_come_back() -> None:
    schedule.given(created).when(delete).then(deleted)
    schedule.given(created, activated).when(delete).then(deactivated, deleted)
    gone = schedule.given(created, deleted)
    gone.when(create).then_nothing()
    gone.when(roll).then_nothing()
    for command in (update, activate, deactivate):
        gone.when(command).then_rejected(TemplateNotFound)
        schedule.given().when(command).then_rejected(TemplateNotFound)
    schedule.given().when(delete).then_rejected(TemplateNotFound)


@pytest.mark.requirement("OPS-14")
@pytest.mark.parametrize("late", [timedelta(0), MOMENT])
def test_each_midnight_of_the_branch_opens_one_more_day(late: timedelta) -> None:
    extended = ScheduleHorizonExtended(
        template_id=ID,
        template=template,
        opens_from=date(2026, 12, 11),
        opens_until=date(2026, 12, 11),
        rolls_at=MIDNIGHT + timedelta(days=1),
    )
    active = schedule.given(created, activated)
    active.when(replace(roll, now=MIDNIGHT - MOMENT)).then_nothing()
    active.when(replace(roll, now=MIDNIGHT + late)).then(extended)


def test_a_roll_that_comes_days_late_opens_what_it_missed() -> None:
    late = replace(roll, now=MIDNIGHT + timedelta(days=12))
    schedule.given(created, activated).when(late).then(
        ScheduleHorizonExtended(
            template_id=ID,
            template=template,
            opens_from=date(2026, 12, 14),
            opens_until=date(2026, 12, 23),
            rolls_at=MIDNIGHT + timedelta(days=13),
        )
    )


@pytest.mark.parametrize(("horizon", "rolls_at"), [(30, MIDNIGHT), (31, None), (32, None)])
def test_a_template_that_has_opened_all_its_days_rolls_no_more(
    horizon: int, rolls_at: datetime | None
) -> None:
    schedule.given(created).when(replace(activate, horizon_days=horizon)).then(
        replace(
            activated,
            horizon_days=horizon,
            opens_until=TODAY + timedelta(days=horizon - 1),
            rolls_at=rolls_at,
        )
    )

"""Days of a template become slots, and slots go with it."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pytest

from booking.application.processes.schedule import SCHEDULE
from booking.domain.details import AppointmentKind
from booking.domain.doctor_day.commands import OpenSlots, WithdrawSlots
from booking.domain.doctor_day.events import Slot
from booking.domain.schedule_template.events import (
    ScheduleHorizonExtended,
    ScheduleTemplateActivated,
    ScheduleTemplateDeactivated,
    Template,
)
from messaging import Cause, Dispatch
from vocabulary.ids import BranchId, ClinicianId, TemplateId
from vocabulary.zone import ZoneId

ID = TemplateId(UUID(int=6))
TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 12, day) for day in (1, 2, 3))
template = Template(
    name="Mornings",
    clinician_id=ClinicianId(UUID(int=3)),
    branch_id=BranchId(UUID(int=4)),
    zone=ZoneId("Europe/Moscow"),
    kinds=(AppointmentKind.ONLINE,),
    valid_from=date(2026, 12, 1),
    valid_to=date(2026, 12, 31),
    weekdays=(2, 4),
    first_at=time(10),
    last_at=time(10),
    cells=(time(10),),
)


def follow(event: Any, cause: Cause) -> list[Dispatch]:
    reactions: Any = SCHEDULE.reactions
    return list(reactions[type(event)](event, cause))


@pytest.mark.requirement("BKG-61")
def test_opened_days_of_the_template_get_their_slots(cause: Cause) -> None:
    extended = ScheduleHorizonExtended(
        template_id=ID, template=template, opens_from=TUESDAY, opens_until=THURSDAY, rolls_at=None
    )
    activated = ScheduleTemplateActivated(
        template_id=ID,
        template=template,
        horizon_days=3,
        opens_from=TUESDAY,
        opens_until=THURSDAY,
        rolls_at=None,
    )
    for event in (extended, activated):
        first, second = follow(event, cause)
        assert [first.key, second.key] == [
            f"{UUID(int=3)}:2026-12-01",
            f"{UUID(int=3)}:2026-12-03",
        ]
        slot = Slot(
            starts_at=datetime(2026, 12, 1, 7, 0, tzinfo=UTC),
            ends_at=datetime(2026, 12, 1, 7, 15, tzinfo=UTC),
            kinds=(AppointmentKind.ONLINE,),
        )
        assert first.command == OpenSlots(template_id=ID, slots=(slot,))


@pytest.mark.requirement("BKG-61")
def test_a_template_that_is_switched_off_takes_its_slots_along(cause: Cause) -> None:
    event = ScheduleTemplateDeactivated(
        template_id=ID, template=template, withdraws_from=WEDNESDAY, withdraws_until=THURSDAY
    )
    (only,) = follow(event, cause)
    assert (only.key, only.command) == (
        f"{UUID(int=3)}:2026-12-03",
        WithdrawSlots(template_id=ID),
    )

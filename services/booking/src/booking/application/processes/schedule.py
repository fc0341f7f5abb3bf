"""From a switched-on template to the slots of each day, and back (BKG-61)."""

from collections.abc import Sequence

from booking.domain.doctor_day.commands import OpenSlots, WithdrawSlots
from booking.domain.doctor_day.state import day_key
from booking.domain.schedule_template.events import (
    ScheduleHorizonExtended,
    ScheduleTemplateActivated,
    ScheduleTemplateDeactivated,
)
from booking.domain.schedule_template.grid import days, expand, offers_on
from messaging import Cause, Dispatch, Process

__all__ = ["SCHEDULE"]


def on_days_opened(
    event: ScheduleTemplateActivated | ScheduleHorizonExtended, _cause: Cause
) -> Sequence[Dispatch]:
    return [
        Dispatch(
            to="doctor_days",
            key=day_key(event.template.clinician_id, day),
            command=OpenSlots(template_id=event.template_id, slots=slots),
        )
        for day in days(event.opens_from, event.opens_until)
        if (slots := expand(event.template, day))
    ]


def on_template_deactivated(
    event: ScheduleTemplateDeactivated, _cause: Cause
) -> Sequence[Dispatch]:
    return [
        Dispatch(
            to="doctor_days",
            key=day_key(event.template.clinician_id, day),
            command=WithdrawSlots(template_id=event.template_id),
        )
        for day in days(event.withdraws_from, event.withdraws_until)
        if offers_on(event.template, day)
    ]


SCHEDULE = Process(
    name="schedule",
    reactions={
        ScheduleTemplateActivated: on_days_opened,
        ScheduleHorizonExtended: on_days_opened,
        ScheduleTemplateDeactivated: on_template_deactivated,
    },
)

"""Each midnight of the branch opens one more day of an active template."""

from uuid import UUID

from booking.domain.schedule_template.commands import ExtendHorizon
from booking.domain.schedule_template.events import (
    ScheduleHorizonExtended,
    ScheduleTemplateActivated,
    ScheduleTemplateDeactivated,
)
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed
from vocabulary.ids import TemplateId

__all__ = ["SCHEDULE_ROLL"]


def of_opened(event: ScheduleTemplateActivated | ScheduleHorizonExtended, fact: Fact) -> Due | None:
    if event.rolls_at is None:
        return None
    return Due(key=_key(fact, event.template_id), at=event.rolls_at)


def of_deactivated(event: ScheduleTemplateDeactivated, fact: Fact) -> str:
    return _key(fact, event.template_id)


def roll(elapsed: Elapsed) -> Dispatch:
    clinician_id, template_id = elapsed.key.split("|")
    command = ExtendHorizon(template_id=TemplateId(UUID(template_id)), now=elapsed.now)
    return Dispatch(to="schedule_templates", key=clinician_id, command=command)


def _key(fact: Fact, template_id: TemplateId) -> str:
    return f"{fact.stream_key}|{template_id}"


SCHEDULE_ROLL = Deadline(
    name="schedule_roll",
    sets={ScheduleTemplateActivated: of_opened, ScheduleHorizonExtended: of_opened},
    cancels={ScheduleTemplateDeactivated: of_deactivated},
    fire=roll,
)

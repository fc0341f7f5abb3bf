"""Rules of readings: a draft counts once an hour for each session, not once a poll."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from conclusions.domain.draft_reading.commands import DraftReadingCommand
from conclusions.domain.draft_reading.events import DraftRead, DraftReadingEvent
from conclusions.domain.draft_reading.state import DraftReading, evolve
from decider import Decider

__all__ = ["DRAFT_READING", "READING_LASTS", "decide"]

READING_LASTS: Final = timedelta(hours=1)


def decide(command: DraftReadingCommand, state: DraftReading) -> Sequence[DraftReadingEvent]:
    before = state.read_at.get((command.reader, command.session_id))
    if before is not None and command.now < before + READING_LASTS:
        return []
    return [
        DraftRead(
            consultation_id=command.consultation_id,
            reader=command.reader,
            session_id=command.session_id,
            read_at=command.now,
        )
    ]


DRAFT_READING: Decider[DraftReadingCommand, DraftReading, DraftReadingEvent] = Decider(
    initial=DraftReading(), decide=decide, evolve=evolve
)

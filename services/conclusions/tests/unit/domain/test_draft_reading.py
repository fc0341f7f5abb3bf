"""What of the reading of a draft is a fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from conclusions.domain.draft_reading.commands import ReadDraft
from conclusions.domain.draft_reading.decider import DRAFT_READING, READING_LASTS
from conclusions.domain.draft_reading.events import DraftRead
from decider.testing import Specification
from vocabulary.ids import ConsultationId

reading = Specification(DRAFT_READING)

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
CONSULTATION = ConsultationId(UUID(int=1))

read = ReadDraft(consultation_id=CONSULTATION, reader="account:1", session_id=UUID(int=2), now=NOW)
was_read = DraftRead(
    consultation_id=CONSULTATION, reader="account:1", session_id=UUID(int=2), read_at=NOW
)


@pytest.mark.requirement("GW-24", "OPS-14")
def test_a_session_that_keeps_on_reading_counts_once_an_hour() -> None:
    reading.given().when(read).then(was_read)
    again = replace(read, now=NOW + READING_LASTS - MOMENT)
    reading.given(was_read).when(again).then_nothing()
    for later in (READING_LASTS, READING_LASTS + MOMENT):
        again = replace(read, now=NOW + later)
        reading.given(was_read).when(again).then(replace(was_read, read_at=NOW + later))


@pytest.mark.requirement("GW-24")
def test_another_session_counts_at_once() -> None:
    other = replace(read, session_id=None)
    reading.given(was_read).when(other).then(replace(was_read, session_id=None))

"""What of the reading of a chat is a fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consultation_room.domain.chat_reading.commands import (
    ChatReadingCommand,
    ReadChat,
    ReadChatFile,
)
from consultation_room.domain.chat_reading.decider import CHAT_READING, READING_LASTS, decide
from consultation_room.domain.chat_reading.events import ChatFileRead, ChatRead
from decider import fold
from decider.testing import Specification
from vocabulary.ids import ConsultationId, FileId

reading = Specification(CHAT_READING)

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ROOM, FILE = ConsultationId(UUID(int=1)), FileId(UUID(int=2))

read = ReadChat(consultation_id=ROOM, reader="account:1", session_id=UUID(int=3), now=NOW)
was_read = ChatRead(consultation_id=ROOM, reader="account:1", session_id=UUID(int=3), read_at=NOW)
read_file = ReadChatFile(consultation_id=ROOM, file_id=FILE, read_id=UUID(int=4))
file_was_read = ChatFileRead(consultation_id=ROOM, file_id=FILE, read_id=UUID(int=4))


@pytest.mark.requirement("GW-24", "OPS-14")
def test_a_session_that_keeps_on_reading_counts_once_an_hour() -> None:
    reading.given().when(read).then(was_read)
    again = replace(read, now=NOW + READING_LASTS - MOMENT)
    reading.given(was_read).when(again).then_nothing()
    for later in (READING_LASTS, READING_LASTS + MOMENT):
        again = replace(read, now=NOW + later)
        reading.given(was_read).when(again).then(replace(was_read, read_at=NOW + later))


@pytest.mark.requirement("GW-24")
def test_another_reader_and_another_session_count_at_once() -> None:
    other = replace(read, reader="account:2")
    elsewhere = replace(read, session_id=None)
    reading.given(was_read).when(other).then(replace(was_read, reader="account:2"))
    reading.given(was_read).when(elsewhere).then(replace(was_read, session_id=None))


@pytest.mark.requirement("GW-24")
def test_every_download_of_a_file_counts() -> None:
    reading.given().when(read_file).then(file_was_read)
    again = replace(read_file, read_id=UUID(int=5))
    reading.given(file_was_read).when(again).then(replace(file_was_read, read_id=UUID(int=5)))


COMMANDS: list[ChatReadingCommand] = [
    read,
    replace(read, now=NOW + READING_LASTS),
    replace(read, reader="account:2"),
    read_file,
    replace(read_file, read_id=UUID(int=5)),
]


@given(st.lists(st.sampled_from(COMMANDS), max_size=20))
def test_repeats_add_nothing(commands: list[ChatReadingCommand]) -> None:
    state = CHAT_READING.initial
    for command in commands:
        state = fold(CHAT_READING, decide(command, state), state)
        assert decide(command, state) == []

"""Rules of readings: every file counts, and a chat once an hour for each session, not once a poll."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never

from consultation_room.domain.chat_reading.commands import (
    ChatReadingCommand,
    ReadChat,
    ReadChatFile,
)
from consultation_room.domain.chat_reading.events import ChatFileRead, ChatRead, ChatReadingEvent
from consultation_room.domain.chat_reading.state import ChatReading, evolve
from decider import Decider

__all__ = ["CHAT_READING", "READING_LASTS", "decide"]

READING_LASTS: Final = timedelta(hours=1)


def decide(command: ChatReadingCommand, state: ChatReading) -> Sequence[ChatReadingEvent]:
    match command:
        case ReadChat():
            return read_chat(command, state)
        case ReadChatFile():
            return read_file(command, state)
        case _:
            assert_never(command)


def read_chat(command: ReadChat, state: ChatReading) -> Sequence[ChatRead]:
    before = state.chats.get((command.reader, command.session_id))
    if before is not None and command.now < before + READING_LASTS:
        return []
    return [
        ChatRead(
            consultation_id=command.consultation_id,
            reader=command.reader,
            session_id=command.session_id,
            read_at=command.now,
        )
    ]


def read_file(command: ReadChatFile, state: ChatReading) -> Sequence[ChatFileRead]:
    if state.last_file_read == command.read_id:
        return []
    return [
        ChatFileRead(
            consultation_id=command.consultation_id,
            file_id=command.file_id,
            read_id=command.read_id,
        )
    ]


CHAT_READING: Decider[ChatReadingCommand, ChatReading, ChatReadingEvent] = Decider(
    initial=ChatReading(), decide=decide, evolve=evolve
)

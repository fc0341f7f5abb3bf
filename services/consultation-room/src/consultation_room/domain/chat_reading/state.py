"""What is remembered of readings: when each session has read last, and the last file that was given out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from consultation_room.domain.chat_reading.events import ChatFileRead, ChatRead, ChatReadingEvent

__all__ = ["ChatReading", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReading:
    """`chats` is by reader and session."""

    chats: Mapping[tuple[str, UUID | None], datetime] = field(default_factory=dict)
    last_file_read: UUID | None = None


def evolve(state: ChatReading, event: ChatReadingEvent) -> ChatReading:
    match event:
        case ChatRead():
            chats = {**state.chats, (event.reader, event.session_id): event.read_at}
            return replace(state, chats=chats)
        case ChatFileRead():
            return replace(state, last_file_read=event.read_id)
        case _:
            assert_never(event)

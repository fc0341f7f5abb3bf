"""What a chat remembers: how far its numbers are, what must not come twice, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from consultation_room.domain.chat_thread.errors import TooManyFiles
from consultation_room.domain.chat_thread.events import (
    ChatFile,
    ChatThreadEvent,
    FileSharedInChat,
    MessagePosted,
    SystemMessagePosted,
    ThreadClosed,
)
from consultation_room.domain.details import AuthorRole, ConsultationClosed
from vocabulary.ids import FileId

__all__ = ["ChatThread", "Posted", "SharedFile", "evolve", "expect_open", "expect_room_for_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The place of a message."""

    number: int
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """A file and the side that shared it."""

    file: ChatFile
    by: AuthorRole


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatThread:
    """`posted` is by author and client message id, `told` names the system messages by occasion and key."""

    closed: bool = False
    last_number: int = 0
    posted: Mapping[tuple[AuthorRole, UUID], Posted] = field(default_factory=dict)
    told: frozenset[tuple[UUID, str]] = frozenset()
    files: Mapping[FileId, SharedFile] = field(default_factory=dict)


def evolve(state: ChatThread, event: ChatThreadEvent) -> ChatThread:
    match event:
        case FileSharedInChat():
            shared = SharedFile(file=event.file, by=event.by)
            return replace(state, files={**state.files, event.file.file_id: shared})
        case MessagePosted():
            place = Posted(number=event.number, posted_at=event.posted_at)
            key = (event.author, event.client_message_id)
            return replace(state, last_number=event.number, posted={**state.posted, key: place})
        case SystemMessagePosted():
            told = state.told | {(event.occasion, event.message.key)}
            return replace(state, last_number=event.number, told=told)
        case ThreadClosed():
            return replace(state, closed=True)
        case _:
            assert_never(event)


def expect_open(state: ChatThread) -> None:
    """Raises ConsultationClosed. Whether there is such a consultation is not the chat's to know."""
    if state.closed:
        raise ConsultationClosed


def expect_room_for_file(state: ChatThread, by: AuthorRole, max_files: int) -> None:
    """Raises TooManyFiles, and what `expect_open` raises."""
    expect_open(state)
    if sum(shared.by is by for shared in state.files.values()) >= max_files:
        raise TooManyFiles(max_files=max_files)

"""Rules of a chat: one order, nothing twice, nothing empty, nothing after the end."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from consultation_room.domain.chat_thread.commands import (
    ChatThreadCommand,
    CloseThread,
    PostMessage,
    PostSystemMessage,
    ShareFile,
)
from consultation_room.domain.chat_thread.errors import EmptyMessage, UnknownFile
from consultation_room.domain.chat_thread.events import (
    ChatFile,
    ChatThreadEvent,
    FileSharedInChat,
    MessagePosted,
    SystemMessagePosted,
    ThreadClosed,
)
from consultation_room.domain.chat_thread.state import (
    ChatThread,
    evolve,
    expect_open,
    expect_room_for_file,
)
from decider import Decider

__all__ = ["CHAT_THREAD", "decide"]


def decide(command: ChatThreadCommand, state: ChatThread) -> Sequence[ChatThreadEvent]:
    match command:
        case ShareFile():
            return share_file(command, state)
        case PostMessage():
            return post(command, state)
        case PostSystemMessage():
            return post_system(command, state)
        case CloseThread():
            return close(command, state)
        case _:
            assert_never(command)


def share_file(command: ShareFile, state: ChatThread) -> Sequence[FileSharedInChat]:
    if command.file.file_id in state.files:
        return []
    expect_room_for_file(state, command.by, command.max_files)
    return [
        FileSharedInChat(
            consultation_id=command.consultation_id,
            file=command.file,
            by=command.by,
            shared_at=command.now,
        )
    ]


def post(command: PostMessage, state: ChatThread) -> Sequence[MessagePosted]:
    if (command.author, command.client_message_id) in state.posted:
        return []
    expect_open(state)
    if command.text is None and not command.file_ids:
        raise EmptyMessage
    return [
        MessagePosted(
            consultation_id=command.consultation_id,
            number=state.last_number + 1,
            author=command.author,
            client_message_id=command.client_message_id,
            text=command.text,
            files=tuple(_own_files(command, state)),
            posted_at=command.now,
        )
    ]


def post_system(command: PostSystemMessage, state: ChatThread) -> Sequence[SystemMessagePosted]:
    if (command.occasion, command.message.key) in state.told:
        return []
    expect_open(state)
    return [
        SystemMessagePosted(
            consultation_id=command.consultation_id,
            number=state.last_number + 1,
            message=command.message,
            occasion=command.occasion,
            posted_at=command.now,
        )
    ]


def close(command: CloseThread, state: ChatThread) -> Sequence[ThreadClosed]:
    if state.closed:
        return []
    return [ThreadClosed(consultation_id=command.consultation_id, closed_at=command.now)]


def _own_files(command: PostMessage, state: ChatThread) -> Iterator[ChatFile]:
    for file_id in command.file_ids:
        shared = state.files.get(file_id)
        if shared is None or shared.by is not command.author:
            raise UnknownFile(file_id=file_id)
        yield shared.file


CHAT_THREAD: Decider[ChatThreadCommand, ChatThread, ChatThreadEvent] = Decider(
    initial=ChatThread(), decide=decide, evolve=evolve
)

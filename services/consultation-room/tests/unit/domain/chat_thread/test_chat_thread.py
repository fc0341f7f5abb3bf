"""One order, nothing twice, nothing empty, nothing after the end."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consultation_room.domain.chat_thread.commands import (
    ChatThreadCommand,
    CloseThread,
    PostMessage,
    PostSystemMessage,
    ShareFile,
)
from consultation_room.domain.chat_thread.decider import CHAT_THREAD
from consultation_room.domain.chat_thread.errors import EmptyMessage, TooManyFiles, UnknownFile
from consultation_room.domain.chat_thread.events import (
    ChatFile,
    ChatThreadEvent,
    FileSharedInChat,
    MessagePosted,
    SystemMessage,
    SystemMessagePosted,
    ThreadClosed,
)
from consultation_room.domain.details import AuthorRole, ConsultationClosed
from decider import Rejection, fold
from decider.testing import Specification
from vocabulary.ids import ConsultationId, FileId
from vocabulary.sealed import Sealed

chat = Specification(CHAT_THREAD)

ROOM = ConsultationId(UUID(int=1))
PATIENT = UUID(int=2)
NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
TEXT: Sealed[str] = Sealed(subject=PATIENT, field="chat_text", cipher="aGk")
FILE = ChatFile(
    file_id=FileId(UUID(int=3)),
    name=Sealed(subject=PATIENT, field="chat_file_name", cipher="bmFtZQ"),
    media_type="application/pdf",
    size=5,
    sha256="a" * 64,
)
OTHER_FILE = replace(FILE, file_id=FileId(UUID(int=4)))

say = PostMessage(
    consultation_id=ROOM,
    author=AuthorRole.CLIENT,
    client_message_id=UUID(int=10),
    text=TEXT,
    file_ids=(),
    now=NOW,
)
said = MessagePosted(
    consultation_id=ROOM,
    number=1,
    author=AuthorRole.CLIENT,
    client_message_id=UUID(int=10),
    text=TEXT,
    files=(),
    posted_at=NOW,
)
share = ShareFile(consultation_id=ROOM, file=FILE, by=AuthorRole.CLIENT, max_files=1, now=NOW)
shared = FileSharedInChat(consultation_id=ROOM, file=FILE, by=AuthorRole.CLIENT, shared_at=NOW)
tell = PostSystemMessage(
    consultation_id=ROOM, message=SystemMessage(key="FINISHED"), occasion=UUID(int=20), now=NOW
)
told = SystemMessagePosted(
    consultation_id=ROOM,
    number=1,
    message=SystemMessage(key="FINISHED"),
    occasion=UUID(int=20),
    posted_at=NOW,
)
close = CloseThread(consultation_id=ROOM, now=NOW)
closed = ThreadClosed(consultation_id=ROOM, closed_at=NOW)


@pytest.mark.requirement("ROOM-31", "ROOM-21")
def test_messages_of_all_authors_are_numbered_in_one_order() -> None:
    chat.given().when(say).then(said)
    doctor = replace(say, author=AuthorRole.DOCTOR)
    chat.given(said).when(doctor).then(replace(said, number=2, author=AuthorRole.DOCTOR))
    chat.given(said).when(tell).then(replace(told, number=2))
    chat.given(told, shared).when(say).then(replace(said, number=2))


@pytest.mark.requirement("ROOM-27")
def test_the_same_client_message_id_is_the_same_message() -> None:
    chat.given(said).when(replace(say, text=None)).then_nothing()
    chat.given(said, closed).when(say).then_nothing()
    again = replace(say, client_message_id=UUID(int=11))
    chat.given(said).when(again).then(replace(said, number=2, client_message_id=UUID(int=11)))


@pytest.mark.requirement("ROOM-27")
def test_an_empty_message_is_refused_unless_it_has_a_file() -> None:
    empty = replace(say, text=None)
    chat.given().when(empty).then_rejected(EmptyMessage)
    chat.given(shared).when(replace(empty, file_ids=(FILE.file_id,))).then(
        replace(said, text=None, files=(FILE,))
    )


@pytest.mark.requirement("ROOM-25")
def test_each_side_shows_the_files_that_it_shared() -> None:
    chat.given().when(share).then(shared)
    with_file = replace(say, file_ids=(FILE.file_id,))
    chat.given().when(with_file).then_rejected(UnknownFile, file_id=FILE.file_id)
    chat.given(shared).when(replace(with_file, author=AuthorRole.DOCTOR)).then_rejected(UnknownFile)


@pytest.mark.requirement("ROOM-26")
def test_each_side_shares_no_more_files_than_the_policy_allows() -> None:
    second = replace(share, file=OTHER_FILE)
    chat.given(shared).when(second).then_rejected(TooManyFiles, max_files=1)
    chat.given(shared).when(replace(second, max_files=2)).then(replace(shared, file=OTHER_FILE))
    by_doctor = replace(second, by=AuthorRole.DOCTOR)
    chat.given(shared).when(by_doctor).then(replace(shared, file=OTHER_FILE, by=AuthorRole.DOCTOR))


@pytest.mark.requirement("ROOM-60")
def test_nothing_is_added_after_the_end() -> None:
    chat.given(said).when(close).then(closed)
    for wish in (say, share, tell):
        chat.given(closed).when(wish).then_rejected(ConsultationClosed)
    chat.given(shared, closed).when(share).then_nothing()
    chat.given(told, closed).when(tell).then_nothing()


numbers = st.integers(0, 3)
commands: st.SearchStrategy[ChatThreadCommand] = st.one_of(
    st.builds(
        lambda n, author, text, file_ids: replace(
            say, client_message_id=UUID(int=n), author=author, text=text, file_ids=file_ids
        ),
        numbers,
        st.sampled_from([AuthorRole.CLIENT, AuthorRole.DOCTOR]),
        st.none() | st.just(TEXT),
        st.lists(st.sampled_from([FILE.file_id, OTHER_FILE.file_id]), max_size=2).map(tuple),
    ),
    st.builds(
        lambda n, key: replace(tell, occasion=UUID(int=n), message=SystemMessage(key=key)),
        numbers,
        st.sampled_from(["A", "B"]),
    ),
    st.builds(
        lambda file, by: replace(share, file=file, by=by),
        st.sampled_from([FILE, OTHER_FILE]),
        st.sampled_from([AuthorRole.CLIENT, AuthorRole.DOCTOR]),
    ),
    st.just(close),
)


@given(st.lists(commands, max_size=25))
def test_a_repeat_adds_nothing_and_the_numbers_have_no_gap(
    wishes: list[ChatThreadCommand],
) -> None:
    history: list[ChatThreadEvent] = []
    for wish in wishes:
        try:
            history += CHAT_THREAD.decide(wish, fold(CHAT_THREAD, history))
        except Rejection:
            continue
        assert not CHAT_THREAD.decide(wish, fold(CHAT_THREAD, history))
    numbers_seen = [
        event.number for event in history if isinstance(event, MessagePosted | SystemMessagePosted)
    ]
    assert numbers_seen == list(range(1, len(numbers_seen) + 1))

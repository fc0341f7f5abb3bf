"""A session lives until it ends; a refresh token is good once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from decider.testing import Specification
from identity.domain.session.commands import EndSession, RefreshSession, StartSession
from identity.domain.session.decider import SESSION
from identity.domain.session.errors import RefreshRefused
from identity.domain.session.events import (
    SessionEnd,
    SessionEnded,
    SessionEvent,
    SessionRefreshed,
    SessionStarted,
)
from identity.domain.session.state import NotStarted
from vocabulary.ids import AccountId, SessionId

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=30)
UNTIL = NOW + timedelta(minutes=15)
MOMENT = timedelta(microseconds=1)
ID, ACCOUNT = SessionId(UUID(int=1)), AccountId(UUID(int=2))
FIRST, SECOND, THIRD = UUID(int=11), UUID(int=12), UUID(int=13)

session = Specification(SESSION)
started = SessionStarted(session_id=ID, account_id=ACCOUNT, started_at=NOW, expires_at=EXPIRES)
refreshed = SessionRefreshed(generation=1, request_id=FIRST)
signed_out = SessionEnded(session_id=ID, reason=SessionEnd.SIGNED_OUT, tokens_until=UNTIL)
refresh = RefreshSession(generation=0, request_id=FIRST, now=NOW, tokens_until=UNTIL)
sign_out = EndSession(reason=SessionEnd.SIGNED_OUT, now=NOW, tokens_until=UNTIL)


@pytest.mark.requirement("IDN-20")
def test_a_sign_in_starts_a_session() -> None:
    session.given().when(
        StartSession(session_id=ID, account_id=ACCOUNT, now=NOW, expires_at=EXPIRES)
    ).then(started)


def test_a_refresh_token_is_exchanged_for_the_next() -> None:
    session.given(started).when(refresh).then(refreshed)
    session.given(started, refreshed).when(replace(refresh, generation=1, request_id=SECOND)).then(
        SessionRefreshed(generation=2, request_id=SECOND)
    )


def test_a_spent_refresh_token_ends_the_session() -> None:
    session.given(started, refreshed).when(replace(refresh, request_id=SECOND)).then(
        SessionEnded(
            session_id=ID,
            reason=SessionEnd.TOKEN_REUSED,
            tokens_until=UNTIL,
            request_id=SECOND,
        )
    )


def test_the_token_that_the_thief_got_is_worth_nothing_then() -> None:
    reused = SessionEnded(
        session_id=ID, reason=SessionEnd.TOKEN_REUSED, tokens_until=UNTIL, request_id=SECOND
    )
    session.given(started, refreshed, reused).when(
        replace(refresh, generation=1, request_id=THIRD)
    ).then_rejected(RefreshRefused)


def test_a_repeated_request_is_a_lost_answer_and_no_theft() -> None:
    session.given(started, refreshed).when(refresh).then_nothing()


def test_a_generation_that_was_never_given_out_is_refused() -> None:
    session.given(started).when(replace(refresh, generation=1)).then_rejected(RefreshRefused)


@pytest.mark.parametrize("history", [[], [started, signed_out]])
def test_a_session_that_does_not_live_is_not_prolonged(history: list[SessionEvent]) -> None:
    session.given(*history).when(refresh).then_rejected(RefreshRefused)


@pytest.mark.requirement("OPS-14")
def test_a_session_is_prolonged_up_to_its_last_moment_only() -> None:
    session.given(started).when(replace(refresh, now=EXPIRES - MOMENT)).then(refreshed)
    for late in (timedelta(0), MOMENT):
        session.given(started).when(replace(refresh, now=EXPIRES + late)).then_rejected(
            RefreshRefused
        )


@pytest.mark.requirement("IDN-27")
def test_signing_out_ends_the_session() -> None:
    session.given(started).when(sign_out).then(signed_out)
    session.given(started, refreshed).when(sign_out).then(signed_out)


def test_what_has_not_started_does_not_end() -> None:
    session.given().when(sign_out).then_nothing()


def test_a_fold_of_facts_without_their_beginning_does_not_fail() -> None:
    assert session.given(refreshed).state == NotStarted()

"""Whatever somebody who registers does: a repeat adds nothing, and no sixth code is looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from decider import Rejection, fold
from identity.domain.people import Login, LoginKind, PatientProfile
from identity.domain.registration_attempt.commands import (
    AbandonRegistration,
    CompleteRegistration,
    ConfirmRegistration,
    ExpireRegistration,
    RefuseRegistration,
    RegistrationAttemptCommand,
    ReissueCode,
    StartRegistration,
)
from identity.domain.registration_attempt.decider import REGISTRATION_ATTEMPT, decide
from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from identity.domain.registration_attempt.events import (
    ConfirmationCodeRejected,
    RegistrationAttemptEvent,
    RegistrationClosed,
    RegistrationCompleted,
)
from vocabulary.ids import AccountId, PatientId
from vocabulary.people import Sex
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
secret = Sealed[str](subject=UUID(int=2), field="f", cipher="c")
details = RegistrationDetails(
    attempt_id=UUID(int=1),
    account_id=AccountId(UUID(int=3)),
    profile=PatientProfile(
        patient_id=PatientId(UUID(int=2)),
        last_name=secret,
        first_name=secret,
        birth_date=secret,
        sex=Sex.MALE,
    ),
    login=Login(kind=LoginKind.PHONE, lookup="ab", value=secret),
    language="ru",
    consents=(),
    closes_at=NOW + timedelta(minutes=30),
    wrong_codes_allowed=3,
    codes_allowed=3,
    resend_seconds=60,
    code_minutes=5,
)
codes = st.sampled_from([IssuedCode(code=secret, code_hash=text) for text in "abc"])
ids = st.integers(0, 6).map(lambda number: UUID(int=number))
times = st.integers(0, 40 * 60).map(lambda seconds: NOW + timedelta(seconds=seconds))
commands: st.SearchStrategy[RegistrationAttemptCommand] = st.one_of(
    st.builds(StartRegistration, details=st.just(details), code=codes, now=times),
    st.builds(ReissueCode, request_id=ids, code=codes, now=times),
    st.builds(
        ConfirmRegistration,
        entry_id=ids,
        code_hash=st.sampled_from("abcd"),
        password=st.just(secret),
        now=times,
    ),
    st.just(AbandonRegistration()),
    st.builds(ExpireRegistration, now=times),
    st.just(CompleteRegistration()),
    st.just(RefuseRegistration()),
)


@given(st.lists(commands, max_size=30))
def test_a_repeat_adds_nothing_and_an_end_is_an_end(
    wishes: list[RegistrationAttemptCommand],
) -> None:
    state, facts = REGISTRATION_ATTEMPT.initial, list[RegistrationAttemptEvent]()
    for wish in wishes:
        try:
            decided = decide(wish, state)
        except Rejection:
            continue
        state = fold(REGISTRATION_ATTEMPT, decided, state)
        facts += decided
        assert list(decide(wish, state)) == []
    ends = [fact for fact in facts if isinstance(fact, RegistrationClosed | RegistrationCompleted)]
    assert len(ends) <= 1
    assert not ends or facts[-1] is ends[0]
    wrong = [fact for fact in facts if isinstance(fact, ConfirmationCodeRejected)]
    assert len(wrong) <= details.wrong_codes_allowed


def test_an_attempt_that_may_err_once_is_closed_by_the_first_error() -> None:
    strict = replace(details, wrong_codes_allowed=1)
    code = IssuedCode(code=secret, code_hash="a")
    state = fold(
        REGISTRATION_ATTEMPT,
        decide(StartRegistration(details=strict, code=code, now=NOW), REGISTRATION_ATTEMPT.initial),
    )
    wrong = ConfirmRegistration(entry_id=UUID(int=9), code_hash="b", password=secret, now=NOW)
    assert [type(fact) for fact in decide(wrong, state)] == [
        ConfirmationCodeRejected,
        RegistrationClosed,
    ]

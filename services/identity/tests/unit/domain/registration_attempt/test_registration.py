"""A registration: data entered, a code confirmed, registered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from decider.testing import Specification
from identity.domain.people import Consent, ConsentKind, Login, LoginKind, PatientProfile
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
from identity.domain.registration_attempt.decider import REGISTRATION_ATTEMPT
from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from identity.domain.registration_attempt.errors import (
    CodeExpired,
    CodesUsedUp,
    RegistrationOver,
    ResendTooEarly,
    UnknownRegistration,
)
from identity.domain.registration_attempt.events import (
    ConfirmationCodeIssued,
    ConfirmationCodeRejected,
    RegistrationAttemptEvent,
    RegistrationClosed,
    RegistrationClosure,
    RegistrationCompleted,
    RegistrationConfirmed,
    RegistrationStarted,
)
from identity.domain.registration_attempt.state import (
    AwaitingCode,
    DataEntered,
    NotStarted,
    Registered,
)
from vocabulary.ids import AccountId, PatientId
from vocabulary.people import Sex
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
AT_AND_AFTER = [timedelta(0), MOMENT]
PATIENT = PatientId(UUID(int=2))


def sealed(field: str) -> Sealed[str]:
    return Sealed(subject=PATIENT, field=field, cipher=f"c-{field}")


details = RegistrationDetails(
    attempt_id=UUID(int=1),
    account_id=AccountId(UUID(int=3)),
    profile=PatientProfile(
        patient_id=PATIENT,
        last_name=sealed("last_name"),
        first_name=sealed("first_name"),
        birth_date=sealed("birth_date"),
        sex=Sex.FEMALE,
        email=sealed("email"),
    ),
    login=Login(kind=LoginKind.EMAIL, lookup="ab12", value=sealed("email")),
    language="ru",
    consents=(
        Consent(kind=ConsentKind.PERSONAL_DATA, given=True, document="2026-01", answered_at=NOW),
    ),
    closes_at=NOW + timedelta(hours=1),
    wrong_codes_allowed=5,
    codes_allowed=2,
    resend_seconds=60,
    code_minutes=15,
)
right, other = (IssuedCode(code=sealed("code"), code_hash=text) for text in ("right", "other"))
started = RegistrationStarted(details=details, started_at=NOW)
EXPIRES, RESEND = NOW + timedelta(minutes=15), NOW + timedelta(seconds=60)
issued = ConfirmationCodeIssued(
    details=details, code=right, number=1, expires_at=EXPIRES, resend_at=RESEND
)
issued_again = ConfirmationCodeIssued(
    details=details,
    code=other,
    number=2,
    expires_at=RESEND + timedelta(minutes=15),
    resend_at=RESEND + timedelta(seconds=60),
    request_id=UUID(int=21),
)
enter = ConfirmRegistration(
    entry_id=UUID(int=31), code_hash="right", password=sealed("password"), now=NOW
)
enter_wrong = replace(enter, code_hash="wrong")
confirmed = RegistrationConfirmed(
    details=details, code_hash="right", password=sealed("password"), confirmed_at=NOW
)
completed = RegistrationCompleted(details=details)
resend = ReissueCode(request_id=UUID(int=21), code=other, now=RESEND)

awaiting: list[RegistrationAttemptEvent] = [started, issued]
registration = Specification(REGISTRATION_ATTEMPT)


def closed(closure: RegistrationClosure) -> RegistrationClosed:
    return RegistrationClosed(attempt_id=details.attempt_id, patient_id=PATIENT, closure=closure)


def wrong(number: int) -> ConfirmationCodeRejected:
    return ConfirmationCodeRejected(entry_id=UUID(int=40 + number))


@pytest.mark.requirement("IDN-09", "IDN-12")
def test_entered_data_lead_to_a_code() -> None:
    start = StartRegistration(details=details, code=right, now=NOW)
    registration.given().when(start).then(started, issued)


@pytest.mark.requirement("IDN-12")
def test_the_three_states_of_a_registration() -> None:
    states = [
        registration.given(*history).state
        for history in ([started], awaiting, [*awaiting, confirmed, completed])
    ]
    assert [type(state) for state in states] == [DataEntered, AwaitingCode, Registered]


@pytest.mark.requirement("IDN-09", "IDN-11")
def test_the_right_code_confirms() -> None:
    registration.given(*awaiting).when(enter).then(confirmed)


@pytest.mark.requirement("IDN-11")
def test_a_wrong_code_keeps_the_attempt_where_it_is() -> None:
    rejected = ConfirmationCodeRejected(entry_id=enter.entry_id)
    registration.given(*awaiting).when(enter_wrong).then(rejected)
    right_after = replace(enter, entry_id=UUID(int=32))
    registration.given(*awaiting, rejected).when(right_after).then(confirmed)


@pytest.mark.requirement("IDN-10", "OPS-14")
def test_a_code_is_good_before_its_end_only() -> None:
    registration.given(*awaiting).when(replace(enter, now=EXPIRES - MOMENT)).then(
        replace(confirmed, confirmed_at=EXPIRES - MOMENT)
    )
    for late in AT_AND_AFTER:
        registration.given(*awaiting).when(replace(enter, now=EXPIRES + late)).then_rejected(
            CodeExpired
        )


@pytest.mark.requirement("IDN-10")
def test_the_fifth_wrong_code_closes_the_attempt() -> None:
    history = [*awaiting, *(wrong(number) for number in range(3))]
    rejected = ConfirmationCodeRejected(entry_id=enter.entry_id)
    registration.given(*history).when(enter_wrong).then(rejected)
    used_up = closed(RegistrationClosure.CODES_USED_UP)
    registration.given(*history, wrong(3)).when(enter_wrong).then(rejected, used_up)
    registration.given(*history, wrong(3), wrong(4), used_up).when(enter).then_rejected(
        RegistrationOver, closure=RegistrationClosure.CODES_USED_UP
    )


@pytest.mark.requirement("IDN-10")
def test_another_code_gives_no_new_attempts() -> None:
    state = registration.given(*awaiting, wrong(0), wrong(1), issued_again).state
    assert isinstance(state, AwaitingCode)
    assert state.attempts_left == 3


@pytest.mark.requirement("IDN-10", "OPS-14")
def test_another_code_can_be_sent_after_the_interval() -> None:
    registration.given(*awaiting).when(replace(resend, now=RESEND - MOMENT)).then_rejected(
        ResendTooEarly, retry_after_seconds=1
    )
    registration.given(*awaiting).when(resend).then(issued_again)
    registration.given(*awaiting).when(replace(resend, now=RESEND + MOMENT)).then(
        replace(
            issued_again,
            expires_at=issued_again.expires_at + MOMENT,
            resend_at=issued_again.resend_at + MOMENT,
        )
    )


@pytest.mark.requirement("IDN-10")
def test_an_expired_code_can_be_replaced() -> None:
    late = replace(resend, now=EXPIRES + MOMENT)
    assert registration.given(*awaiting).when(late).facts


def test_a_replaced_code_is_worth_nothing() -> None:
    at = replace(enter, now=RESEND)
    rejected = ConfirmationCodeRejected(entry_id=enter.entry_id)
    registration.given(*awaiting, issued_again).when(at).then(rejected)
    registration.given(*awaiting, issued_again).when(replace(at, code_hash="other")).then(
        replace(confirmed, code_hash="other", confirmed_at=RESEND)
    )


def test_a_registration_sends_so_many_codes_only() -> None:
    third = replace(resend, request_id=UUID(int=22), now=EXPIRES)
    registration.given(*awaiting, issued_again).when(third).then_rejected(CodesUsedUp)


@pytest.mark.requirement("OPS-14")
def test_a_registration_ends_when_nobody_finishes_it() -> None:
    end = details.closes_at
    fresh = replace(issued_again, expires_at=end + timedelta(minutes=5))
    history, expired = [*awaiting, fresh], closed(RegistrationClosure.EXPIRED)
    code = replace(enter, code_hash="other")
    registration.given(*history).when(ExpireRegistration(now=end - MOMENT)).then_nothing()
    registration.given(*history).when(replace(code, now=end - MOMENT)).then(
        replace(confirmed, code_hash="other", confirmed_at=end - MOMENT)
    )
    for late in AT_AND_AFTER:
        registration.given(*history).when(ExpireRegistration(now=end + late)).then(expired)
        registration.given(*history).when(replace(code, now=end + late)).then_rejected(
            RegistrationOver, closure=RegistrationClosure.EXPIRED
        )


def test_the_timer_of_a_confirmed_registration_does_nothing() -> None:
    expire = ExpireRegistration(now=details.closes_at)
    registration.given(*awaiting, confirmed).when(expire).then_nothing()


@pytest.mark.requirement("IDN-12")
def test_cancel_abandons_it() -> None:
    abandoned = closed(RegistrationClosure.ABANDONED)
    registration.given(*awaiting).when(AbandonRegistration()).then(abandoned)
    registration.given(*awaiting, abandoned).when(enter).then_rejected(
        RegistrationOver, closure=RegistrationClosure.ABANDONED
    )


def test_the_account_completes_it() -> None:
    registration.given(*awaiting, confirmed).when(CompleteRegistration()).then(completed)


def test_a_taken_login_closes_it() -> None:
    registration.given(*awaiting, confirmed).when(RefuseRegistration()).then(
        closed(RegistrationClosure.LOGIN_TAKEN)
    )


@pytest.mark.parametrize("history", [[confirmed], [confirmed, completed]])
def test_the_right_code_again_changes_nothing(history: list[RegistrationAttemptEvent]) -> None:
    again = replace(enter, entry_id=UUID(int=33))
    registration.given(*awaiting, *history).when(again).then_nothing()


@pytest.mark.parametrize("history", [[confirmed], [confirmed, completed]])
def test_after_that_the_code_is_still_needed(history: list[RegistrationAttemptEvent]) -> None:
    registration.given(*awaiting, *history).when(enter_wrong).then_rejected(RegistrationOver)


@pytest.mark.parametrize(
    ("history", "command"),
    [
        ([confirmed], AbandonRegistration()),
        ([confirmed, completed], AbandonRegistration()),
        ([confirmed, completed], RefuseRegistration()),
        ([confirmed], resend),
        ([closed(RegistrationClosure.ABANDONED)], CompleteRegistration()),
    ],
)
def test_what_is_over_stays_over(
    history: list[RegistrationAttemptEvent], command: RegistrationAttemptCommand
) -> None:
    registration.given(*awaiting, *history).when(command).then_rejected(RegistrationOver)


@pytest.mark.parametrize(
    "command", [enter, resend, AbandonRegistration(), CompleteRegistration(), RefuseRegistration()]
)
def test_what_never_began_is_unknown(command: RegistrationAttemptCommand) -> None:
    registration.given().when(command).then_rejected(UnknownRegistration)


@pytest.mark.parametrize("command", [CompleteRegistration(), RefuseRegistration()])
def test_no_account_comes_of_what_is_not_confirmed(command: RegistrationAttemptCommand) -> None:
    registration.given(*awaiting).when(command).then_rejected(UnknownRegistration)


def test_a_fold_of_facts_without_their_beginning_does_not_fail() -> None:
    assert registration.given(wrong(0), completed).state == NotStarted()

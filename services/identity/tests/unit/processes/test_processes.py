"""What follows from identity's own facts."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from event_store import Metadata
from identity.application.processes import account_opening, registration
from identity.domain.account.commands import OpenAccount, RefuseAccount, RequestAccount
from identity.domain.account.events import (
    AccountOpened,
    AccountRefused,
    AccountRequested,
    LanguageChosen,
)
from identity.domain.clinician.commands import RegisterClinician
from identity.domain.identifier_reservation.commands import ReserveIdentifier
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.identifier_reservation.events import IdentifierReserved
from identity.domain.patient.commands import NoteLanguage, RegisterPatient
from identity.domain.patient.events import PatientRegistered
from identity.domain.people import (
    AccountDetails,
    AccountStatus,
    ClinicianDetails,
    Login,
    LoginKind,
    PatientProfile,
    Role,
)
from identity.domain.registration_attempt.commands import (
    CompleteRegistration,
    RefuseRegistration,
)
from identity.domain.registration_attempt.details import RegistrationDetails
from identity.domain.registration_attempt.events import (
    RegistrationClosed,
    RegistrationClosure,
    RegistrationCompleted,
    RegistrationConfirmed,
    RegistrationStarted,
)
from messaging import Cause, Dispatch, Envelope, Process
from vocabulary.ids import AccountId, BranchId, ClinicianId, PatientId
from vocabulary.people import Sex
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PATIENT, ACCOUNT, ATTEMPT = PatientId(UUID(int=2)), AccountId(UUID(int=3)), UUID(int=4)
secret = Sealed[str](subject=PATIENT, field="f", cipher="c")
login = Login(kind=LoginKind.EMAIL, lookup="ab", value=secret)
profile = PatientProfile(
    patient_id=PATIENT, last_name=secret, first_name=secret, birth_date=secret, sex=Sex.FEMALE
)
details = RegistrationDetails(
    attempt_id=ATTEMPT,
    account_id=ACCOUNT,
    profile=profile,
    login=login,
    language="en",
    consents=(),
    closes_at=NOW,
    wrong_codes_allowed=5,
    codes_allowed=5,
    resend_seconds=60,
    code_minutes=15,
)
of_patient = AccountDetails(
    account_id=ACCOUNT,
    login=login,
    roles=(Role.PATIENT,),
    status=AccountStatus.UNCONFIRMED,
    language="en",
    attempt_id=ATTEMPT,
    patient_id=PATIENT,
)
clinician = ClinicianDetails(
    clinician_id=ClinicianId(UUID(int=5)),
    branch_id=BranchId(UUID(int=6)),
    last_name="Петрова",
    first_name="Анна",
    specialty="Терапевт",
)
of_clinician = AccountDetails(
    account_id=ACCOUNT,
    login=login,
    roles=(Role.CLINICIAN,),
    status=AccountStatus.CONFIRMED,
    language="ru",
    clinician=clinician,
)
CAUSE = Cause(
    Envelope(
        id=UUID(int=1),
        source="identity",
        type="X.v1",
        key="k",
        position="",
        data=b"",
        metadata=Metadata(tenant="north", actor="a", role="r", time=NOW, correlation=UUID(int=1)),
    ),
    NOW,
    "identity",
)


def follows(process: Process, event: object) -> list[Dispatch]:
    reaction: Any = process.reactions[type(event)]
    return list(reaction(event, CAUSE))


def test_a_confirmed_registration_asks_for_an_account() -> None:
    confirmed = RegistrationConfirmed(
        details=details, code_hash="h", password=secret, confirmed_at=NOW
    )
    assert follows(registration.PROCESS, confirmed) == [
        Dispatch(
            to="accounts", key=ACCOUNT, command=RequestAccount(details=of_patient, password=secret)
        )
    ]


def test_an_asked_for_account_reserves_its_login_or_is_refused() -> None:
    [dispatch] = follows(
        account_opening.PROCESS, AccountRequested(details=of_patient, password=secret)
    )
    assert (dispatch.to, dispatch.key) == ("identifiers", "email:ab")
    assert dispatch.command == ReserveIdentifier(account_id=ACCOUNT)
    assert dispatch.otherwise[LoginTaken](LoginTaken()) == [
        Dispatch(to="accounts", key=ACCOUNT, command=RefuseAccount())
    ]


def test_a_reserved_login_opens_the_account() -> None:
    assert follows(account_opening.PROCESS, IdentifierReserved(account_id=ACCOUNT)) == [
        Dispatch(to="accounts", key=ACCOUNT, command=OpenAccount())
    ]


def test_a_clinicians_account_makes_the_clinician_known() -> None:
    email = RegisterClinician(
        details=clinician, account_id=ACCOUNT, language="ru", email=login.value
    )
    assert follows(account_opening.PROCESS, AccountOpened(details=of_clinician)) == [
        Dispatch(to="clinicians", key=clinician.clinician_id, command=email)
    ]
    by_phone = replace(of_clinician, login=replace(login, kind=LoginKind.PHONE))
    assert follows(account_opening.PROCESS, AccountOpened(details=by_phone)) == [
        Dispatch(to="clinicians", key=clinician.clinician_id, command=replace(email, email=None))
    ]
    assert follows(account_opening.PROCESS, AccountOpened(details=of_patient)) == []


def test_the_account_completes_or_closes_its_registration() -> None:
    assert follows(registration.PROCESS, AccountOpened(details=of_patient)) == [
        Dispatch(to="registrations", key=ATTEMPT, command=CompleteRegistration())
    ]
    assert follows(registration.PROCESS, AccountRefused(details=of_patient)) == [
        Dispatch(to="registrations", key=ATTEMPT, command=RefuseRegistration())
    ]


def test_staff_never_registered() -> None:
    assert follows(registration.PROCESS, AccountOpened(details=of_clinician)) == []
    assert follows(registration.PROCESS, AccountRefused(details=of_clinician)) == []


def test_a_completed_registration_makes_the_patient_known() -> None:
    assert follows(registration.PROCESS, RegistrationCompleted(details=details)) == [
        Dispatch(
            to="patients",
            key=PATIENT,
            command=RegisterPatient(
                profile=profile,
                account_id=ACCOUNT,
                account_status=AccountStatus.UNCONFIRMED,
                language="en",
                consents=(),
            ),
        )
    ]


def test_the_card_follows_the_language_of_the_account() -> None:
    of_a_patient = LanguageChosen(account_id=ACCOUNT, language="ru", patient_id=PATIENT)
    assert follows(registration.PROCESS, of_a_patient) == [
        Dispatch(to="patients", key=PATIENT, command=NoteLanguage(language="ru"))
    ]
    of_staff = LanguageChosen(account_id=ACCOUNT, language="ru")
    assert follows(registration.PROCESS, of_staff) == []


def test_what_was_begun_and_not_ended_can_be_listed() -> None:
    begun = registration.PROCESS.starts[RegistrationStarted](
        RegistrationStarted(details=details, started_at=NOW)
    )
    registered = PatientRegistered(
        profile=profile,
        account_id=ACCOUNT,
        account_status=AccountStatus.UNCONFIRMED,
        language="ru",
        consents=(),
    )
    closed = RegistrationClosed(
        attempt_id=ATTEMPT, patient_id=PATIENT, closure=RegistrationClosure.EXPIRED
    )
    assert begun == registration.PROCESS.ends[PatientRegistered](registered)
    assert begun == registration.PROCESS.ends[RegistrationClosed](closed)
    asked = account_opening.PROCESS.starts[AccountRequested](
        AccountRequested(details=of_patient, password=secret)
    )
    for end in (AccountOpened, AccountRefused):
        assert asked == account_opening.PROCESS.ends[end](end(details=of_patient))

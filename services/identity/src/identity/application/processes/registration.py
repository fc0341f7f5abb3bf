"""A confirmed registration becomes an account and a patient; what the account says, the patient's card follows."""

from collections.abc import Sequence

from identity.domain.account.commands import RequestAccount
from identity.domain.account.events import AccountOpened, AccountRefused, LanguageChosen
from identity.domain.patient.commands import NoteLanguage, RegisterPatient
from identity.domain.patient.events import PatientRegistered
from identity.domain.people import AccountDetails, AccountStatus, Role
from identity.domain.registration_attempt.commands import (
    CompleteRegistration,
    RefuseRegistration,
)
from identity.domain.registration_attempt.events import (
    RegistrationClosed,
    RegistrationCompleted,
    RegistrationConfirmed,
    RegistrationStarted,
)
from messaging import Cause, Dispatch, Process

__all__ = ["PROCESS"]


def on_registration_confirmed(event: RegistrationConfirmed, _cause: Cause) -> Sequence[Dispatch]:
    details = event.details
    account = AccountDetails(
        account_id=details.account_id,
        login=details.login,
        roles=(Role.PATIENT,),
        status=AccountStatus.UNCONFIRMED,
        language=details.language,
        attempt_id=details.attempt_id,
        patient_id=details.profile.patient_id,
    )
    command = RequestAccount(details=account, password=event.password)
    return [Dispatch(to="accounts", key=details.account_id, command=command)]


def on_account_opened(event: AccountOpened, _cause: Cause) -> Sequence[Dispatch]:
    attempt_id = event.details.attempt_id
    if attempt_id is None:
        return []
    return [Dispatch(to="registrations", key=attempt_id, command=CompleteRegistration())]


def on_account_refused(event: AccountRefused, _cause: Cause) -> Sequence[Dispatch]:
    attempt_id = event.details.attempt_id
    if attempt_id is None:
        return []
    return [Dispatch(to="registrations", key=attempt_id, command=RefuseRegistration())]


def on_registration_completed(event: RegistrationCompleted, _cause: Cause) -> Sequence[Dispatch]:
    details = event.details
    return [
        Dispatch(
            to="patients",
            key=details.profile.patient_id,
            command=RegisterPatient(
                profile=details.profile,
                account_id=details.account_id,
                account_status=AccountStatus.UNCONFIRMED,
                language=details.language,
                consents=details.consents,
            ),
        )
    ]


def on_language_chosen(event: LanguageChosen, _cause: Cause) -> Sequence[Dispatch]:
    if event.patient_id is None:
        return []
    command = NoteLanguage(language=event.language)
    return [Dispatch(to="patients", key=event.patient_id, command=command)]


PROCESS = Process(
    name="registration",
    reactions={
        RegistrationConfirmed: on_registration_confirmed,
        AccountOpened: on_account_opened,
        AccountRefused: on_account_refused,
        RegistrationCompleted: on_registration_completed,
        LanguageChosen: on_language_chosen,
    },
    starts={RegistrationStarted: lambda event: str(event.details.profile.patient_id)},
    ends={
        RegistrationClosed: lambda event: str(event.patient_id),
        PatientRegistered: lambda event: str(event.profile.patient_id),
    },
)

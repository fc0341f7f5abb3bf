"""An account is asked for, then opened or refused, once."""

from dataclasses import replace
from uuid import UUID

import pytest

from decider.testing import Specification
from identity.domain.account.commands import (
    AccountCommand,
    ChooseLanguage,
    OpenAccount,
    RefuseAccount,
    RequestAccount,
)
from identity.domain.account.decider import ACCOUNT
from identity.domain.account.errors import AccountNotRequested, UnknownAccount
from identity.domain.account.events import (
    AccountEvent,
    AccountOpened,
    AccountRefused,
    AccountRequested,
    LanguageChosen,
)
from identity.domain.account.state import NoAccount
from identity.domain.people import AccountDetails, AccountStatus, Login, LoginKind, Role
from vocabulary.ids import AccountId, PatientId
from vocabulary.sealed import Sealed

account = Specification(ACCOUNT)
PATIENT = PatientId(UUID(int=2))
password = Sealed[str](subject=PATIENT, field="password", cipher="c1")
details = AccountDetails(
    account_id=AccountId(UUID(int=1)),
    login=Login(
        kind=LoginKind.EMAIL,
        lookup="ab12",
        value=Sealed[str](subject=PATIENT, field="email", cipher="c2"),
    ),
    roles=(Role.PATIENT,),
    status=AccountStatus.UNCONFIRMED,
    language="ru",
    patient_id=PATIENT,
)
requested = AccountRequested(details=details, password=password)
opened = AccountOpened(details=details)
refused = AccountRefused(details=details)


def test_an_account_is_asked_for() -> None:
    account.given().when(RequestAccount(details=details, password=password)).then(requested)


def test_it_opens_once_its_login_is_its_own() -> None:
    account.given(requested).when(OpenAccount()).then(opened)


def test_it_is_refused_when_the_login_is_taken() -> None:
    account.given(requested).when(RefuseAccount()).then(refused)


@pytest.mark.parametrize(
    ("history", "command"),
    [
        ([], OpenAccount()),
        ([requested, refused], OpenAccount()),
        ([], RefuseAccount()),
        ([requested, opened], RefuseAccount()),
    ],
)
def test_only_one_answer_is_given_and_only_when_asked(
    history: list[AccountEvent], command: AccountCommand
) -> None:
    account.given(*history).when(command).then_rejected(AccountNotRequested)


def test_the_owner_chooses_a_language() -> None:
    account.given(requested, opened).when(ChooseLanguage(language="en")).then(
        LanguageChosen(account_id=details.account_id, language="en", patient_id=PATIENT)
    )


def test_the_language_it_has_is_no_choice() -> None:
    account.given(requested, opened).when(ChooseLanguage(language="ru")).then_nothing()


@pytest.mark.parametrize("history", [[], [requested], [requested, refused]])
def test_an_account_that_is_not_open_has_no_language(history: list[AccountEvent]) -> None:
    account.given(*history).when(ChooseLanguage(language="en")).then_rejected(UnknownAccount)


def test_a_fold_of_facts_without_their_beginning_does_not_fail() -> None:
    orphan = LanguageChosen(account_id=details.account_id, language="en")
    assert account.given(opened, orphan).state == NoAccount()


def test_a_login_and_a_clinician_name_their_keys() -> None:
    assert details.login.key == "email:ab12"
    assert replace(details, clinician=None).clinician_id is None

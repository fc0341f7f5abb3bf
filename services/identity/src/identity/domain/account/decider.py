"""Rules of an account: asked for, then opened or refused, once."""

from collections.abc import Sequence
from typing import assert_never

from decider import Decider
from identity.domain.account.commands import (
    AccountCommand,
    ChooseLanguage,
    OpenAccount,
    RefuseAccount,
    RequestAccount,
)
from identity.domain.account.errors import AccountNotRequested, UnknownAccount
from identity.domain.account.events import (
    AccountEvent,
    AccountOpened,
    AccountRefused,
    AccountRequested,
    LanguageChosen,
)
from identity.domain.account.state import (
    Account,
    NoAccount,
    Open,
    Refused,
    Requested,
    evolve,
)

__all__ = ["ACCOUNT", "decide"]


def decide(command: AccountCommand, state: Account) -> Sequence[AccountEvent]:
    match command:
        case RequestAccount():
            return request(command, state)
        case OpenAccount():
            return open_account(state)
        case RefuseAccount():
            return refuse(state)
        case ChooseLanguage():
            return choose_language(command, state)
        case _:
            assert_never(command)


def request(command: RequestAccount, state: Account) -> Sequence[AccountRequested]:
    if not isinstance(state, NoAccount):
        return []
    return [AccountRequested(details=command.details, password=command.password)]


def open_account(state: Account) -> Sequence[AccountOpened]:
    match state:
        case Requested():
            return [AccountOpened(details=state.details)]
        case Open():
            return []
        case NoAccount() | Refused():
            raise AccountNotRequested
        case _:
            assert_never(state)


def refuse(state: Account) -> Sequence[AccountRefused]:
    match state:
        case Requested():
            return [AccountRefused(details=state.details)]
        case Refused():
            return []
        case NoAccount() | Open():
            raise AccountNotRequested
        case _:
            assert_never(state)


def choose_language(command: ChooseLanguage, state: Account) -> Sequence[LanguageChosen]:
    if not isinstance(state, Open):
        raise UnknownAccount
    if state.language == command.language:
        return []
    return [
        LanguageChosen(
            account_id=state.details.account_id,
            language=command.language,
            patient_id=state.details.patient_id,
        )
    ]


ACCOUNT: Decider[AccountCommand, Account, AccountEvent] = Decider(
    initial=NoAccount(), decide=decide, evolve=evolve
)

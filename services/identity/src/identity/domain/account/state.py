"""What is remembered of an account."""

from dataclasses import dataclass, replace
from typing import assert_never

from identity.domain.account.events import (
    AccountEvent,
    AccountOpened,
    AccountRefused,
    AccountRequested,
    LanguageChosen,
)
from identity.domain.people import AccountDetails
from vocabulary.sealed import Sealed

__all__ = ["Account", "NoAccount", "Open", "Refused", "Requested", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAccount:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    details: AccountDetails
    password: Sealed[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    details: AccountDetails
    password: Sealed[str]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    details: AccountDetails


Account = NoAccount | Requested | Open | Refused


def evolve(state: Account, event: AccountEvent) -> Account:
    match event, state:
        case AccountRequested(), _:
            return Requested(details=event.details, password=event.password)
        case AccountOpened(), Requested():
            return Open(
                details=event.details, password=state.password, language=event.details.language
            )
        case AccountRefused(), _:
            return Refused(details=event.details)
        case LanguageChosen(), Open():
            return replace(state, language=event.language)
        case (AccountOpened(), _) | (LanguageChosen(), _):
            return state
        case _:
            assert_never((event, state))

"""Facts of an account. Their names and fields are stored for ever."""

from dataclasses import dataclass

from identity.domain.people import AccountDetails
from vocabulary.ids import AccountId, PatientId
from vocabulary.sealed import Sealed

__all__ = [
    "STORED_NAMES",
    "AccountEvent",
    "AccountOpened",
    "AccountRefused",
    "AccountRequested",
    "LanguageChosen",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequested:
    """An account was asked for; nobody can sign in to it yet."""

    details: AccountDetails
    password: Sealed[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    """The login is the account's, and its owner may sign in."""

    details: AccountDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRefused:
    """The login belongs to another account."""

    details: AccountDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen:
    account_id: AccountId
    language: str
    patient_id: PatientId | None = None


AccountEvent = AccountRequested | AccountOpened | AccountRefused | LanguageChosen

STORED_NAMES: dict[type[AccountEvent], str] = {
    AccountRequested: "AccountRequested.v1",
    AccountOpened: "AccountOpened.v1",
    AccountRefused: "AccountRefused.v1",
    LanguageChosen: "LanguageChosen.v1",
}

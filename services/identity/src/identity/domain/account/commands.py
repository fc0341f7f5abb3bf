"""Wishes about an account."""

from dataclasses import dataclass

from identity.domain.people import AccountDetails
from vocabulary.sealed import Sealed

__all__ = ["AccountCommand", "ChooseLanguage", "OpenAccount", "RefuseAccount", "RequestAccount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAccount:
    """Ask for an account; it opens once its login is reserved. `password` is the Argon2id text, sealed."""

    details: AccountDetails
    password: Sealed[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseAccount:
    """The login is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseLanguage:
    language: str


AccountCommand = RequestAccount | OpenAccount | RefuseAccount | ChooseLanguage

"""Wishes about a patient."""

from dataclasses import dataclass
from datetime import datetime

from identity.domain.people import AccountStatus, Consent, PatientProfile
from vocabulary.ids import AccountId

__all__ = ["AnswerLettersConsent", "NoteLanguage", "PatientCommand", "RegisterPatient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPatient:
    profile: PatientProfile
    account_id: AccountId
    account_status: AccountStatus
    language: str
    consents: tuple[Consent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLettersConsent:
    """Agree to letters and messages, or take it back."""

    given: bool
    document: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLanguage:
    """The account of the patient has another language now."""

    language: str


PatientCommand = RegisterPatient | AnswerLettersConsent | NoteLanguage

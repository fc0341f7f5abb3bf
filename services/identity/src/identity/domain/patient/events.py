"""Facts of a patient. Their names and fields are stored for ever."""

from dataclasses import dataclass

from identity.domain.people import AccountStatus, Consent, Contacts, PatientProfile
from vocabulary.ids import AccountId, PatientId

__all__ = [
    "STORED_NAMES",
    "LettersConsentAnswered",
    "PatientEvent",
    "PatientLanguageNoted",
    "PatientRegistered",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRegistered:
    """The registration card exists, with what was agreed to when it was made."""

    profile: PatientProfile
    account_id: AccountId
    account_status: AccountStatus
    language: str
    consents: tuple[Consent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersConsentAnswered:
    """The patient agreed to letters or took it back; `contacts` is how to write from now on."""

    patient_id: PatientId
    consent: Consent
    contacts: Contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientLanguageNoted:
    """The patient wants to be written to in another language."""

    patient_id: PatientId
    contacts: Contacts


PatientEvent = PatientRegistered | LettersConsentAnswered | PatientLanguageNoted

STORED_NAMES: dict[type[PatientEvent], str] = {
    PatientRegistered: "PatientRegistered.v1",
    LettersConsentAnswered: "LettersConsentAnswered.v1",
    PatientLanguageNoted: "PatientLanguageNoted.v1",
}

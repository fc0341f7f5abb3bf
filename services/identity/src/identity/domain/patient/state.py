"""What is remembered of a patient."""

from dataclasses import dataclass
from typing import assert_never

from identity.domain.patient.events import (
    LettersConsentAnswered,
    PatientEvent,
    PatientLanguageNoted,
    PatientRegistered,
)
from identity.domain.people import ConsentKind, Contacts
from vocabulary.ids import PatientId

__all__ = ["NoPatient", "Patient", "Registered", "evolve", "first_contacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPatient:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    patient_id: PatientId
    contacts: Contacts


Patient = NoPatient | Registered


def evolve(_state: Patient, event: PatientEvent) -> Patient:
    match event:
        case PatientRegistered():
            return Registered(patient_id=event.profile.patient_id, contacts=first_contacts(event))
        case LettersConsentAnswered() | PatientLanguageNoted():
            return Registered(patient_id=event.patient_id, contacts=event.contacts)
        case _:
            assert_never(event)


def first_contacts(event: PatientRegistered) -> Contacts:
    """How a new patient may be written to."""
    return Contacts(
        language=event.language,
        letters_allowed=any(
            consent.given for consent in event.consents if consent.kind is ConsentKind.LETTERS
        ),
        email=event.profile.email,
        phone=event.profile.phone,
    )

"""Rules of a patient: registered once; consents and language may change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from decider import Decider
from identity.domain.patient.commands import (
    AnswerLettersConsent,
    NoteLanguage,
    PatientCommand,
    RegisterPatient,
)
from identity.domain.patient.errors import UnknownPatient
from identity.domain.patient.events import (
    LettersConsentAnswered,
    PatientEvent,
    PatientLanguageNoted,
    PatientRegistered,
)
from identity.domain.patient.state import NoPatient, Patient, Registered, evolve
from identity.domain.people import Consent, ConsentKind

__all__ = ["PATIENT", "decide"]


def decide(command: PatientCommand, state: Patient) -> Sequence[PatientEvent]:
    match command:
        case RegisterPatient():
            return register(command, state)
        case AnswerLettersConsent():
            return answer_letters_consent(command, state)
        case NoteLanguage():
            return note_language(command, state)
        case _:
            assert_never(command)


def register(command: RegisterPatient, state: Patient) -> Sequence[PatientRegistered]:
    if isinstance(state, Registered):
        return []
    return [
        PatientRegistered(
            profile=command.profile,
            account_id=command.account_id,
            account_status=command.account_status,
            language=command.language,
            consents=command.consents,
        )
    ]


def answer_letters_consent(
    command: AnswerLettersConsent, state: Patient
) -> Sequence[LettersConsentAnswered]:
    if isinstance(state, NoPatient):
        raise UnknownPatient
    if state.contacts.letters_allowed == command.given:
        return []
    return [
        LettersConsentAnswered(
            patient_id=state.patient_id,
            consent=Consent(
                kind=ConsentKind.LETTERS,
                given=command.given,
                document=command.document,
                answered_at=command.now,
            ),
            contacts=replace(state.contacts, letters_allowed=command.given),
        )
    ]


def note_language(command: NoteLanguage, state: Patient) -> Sequence[PatientLanguageNoted]:
    if isinstance(state, NoPatient):
        raise UnknownPatient
    if state.contacts.language == command.language:
        return []
    return [
        PatientLanguageNoted(
            patient_id=state.patient_id,
            contacts=replace(state.contacts, language=command.language),
        )
    ]


PATIENT: Decider[PatientCommand, Patient, PatientEvent] = Decider(
    initial=NoPatient(), decide=decide, evolve=evolve
)

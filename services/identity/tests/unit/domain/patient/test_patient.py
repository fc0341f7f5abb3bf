"""A patient is registered once; consent to letters and language may change."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from decider.testing import Specification
from identity.domain.patient.commands import (
    AnswerLettersConsent,
    NoteLanguage,
    PatientCommand,
    RegisterPatient,
)
from identity.domain.patient.decider import PATIENT
from identity.domain.patient.errors import UnknownPatient
from identity.domain.patient.events import (
    LettersConsentAnswered,
    PatientLanguageNoted,
    PatientRegistered,
)
from identity.domain.people import (
    AccountStatus,
    Consent,
    ConsentKind,
    Contacts,
    PatientProfile,
)
from vocabulary.ids import AccountId, PatientId
from vocabulary.people import Sex
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ID = PatientId(UUID(int=1))


def sealed(field: str) -> Sealed[str]:
    return Sealed(subject=ID, field=field, cipher=f"c-{field}")


profile = PatientProfile(
    patient_id=ID,
    last_name=sealed("last_name"),
    first_name=sealed("first_name"),
    birth_date=sealed("birth_date"),
    sex=Sex.FEMALE,
    email=sealed("email"),
    phone=sealed("phone"),
)
agreed = tuple(
    Consent(kind=kind, given=True, document="2026-01", answered_at=NOW) for kind in ConsentKind
)
registered = PatientRegistered(
    profile=profile,
    account_id=AccountId(UUID(int=2)),
    account_status=AccountStatus.UNCONFIRMED,
    language="ru",
    consents=agreed,
)
contacts = Contacts(language="ru", letters_allowed=True, email=profile.email, phone=profile.phone)
patient = Specification(PATIENT)


@pytest.mark.requirement("IDN-13")
def test_a_patient_is_registered_unconfirmed() -> None:
    patient.given().when(
        RegisterPatient(
            profile=profile,
            account_id=registered.account_id,
            account_status=AccountStatus.UNCONFIRMED,
            language="ru",
            consents=agreed,
        )
    ).then(registered)


def test_consent_to_letters_is_taken_back() -> None:
    patient.given(registered).when(
        AnswerLettersConsent(given=False, document="2026-02", now=NOW)
    ).then(
        LettersConsentAnswered(
            patient_id=ID,
            consent=Consent(
                kind=ConsentKind.LETTERS, given=False, document="2026-02", answered_at=NOW
            ),
            contacts=replace(contacts, letters_allowed=False),
        )
    )


def test_the_same_answer_again_is_no_fact() -> None:
    patient.given(registered).when(
        AnswerLettersConsent(given=True, document="2026-02", now=NOW)
    ).then_nothing()


def test_who_did_not_agree_to_letters_gets_none() -> None:
    quiet = replace(registered, consents=agreed[:1])
    patient.given(quiet).when(
        AnswerLettersConsent(given=False, document="2026-02", now=NOW)
    ).then_nothing()


def test_letters_follow_the_language_of_the_account() -> None:
    patient.given(registered).when(NoteLanguage(language="en")).then(
        PatientLanguageNoted(patient_id=ID, contacts=replace(contacts, language="en"))
    )
    patient.given(registered).when(NoteLanguage(language="ru")).then_nothing()


@pytest.mark.parametrize(
    "command",
    [NoteLanguage(language="en"), AnswerLettersConsent(given=True, document="1", now=NOW)],
)
def test_nobody_has_neither_language_nor_consents(command: PatientCommand) -> None:
    patient.given().when(command).then_rejected(UnknownPatient)

"""What other services may know of a patient; everything personal stays sealed."""

from typing import Literal

from contracts import identity as facts
from contracts.fact import PublicEvent
from identity.domain.patient.events import (
    LettersConsentAnswered,
    PatientLanguageNoted,
    PatientRegistered,
)
from identity.domain.patient.state import first_contacts
from identity.domain.people import AccountStatus
from messaging import Envelope
from vocabulary.people import Sex

__all__ = ["publish"]

_STATUSES: dict[AccountStatus, Literal["UNCONFIRMED", "CONFIRMED"]] = {
    AccountStatus.UNCONFIRMED: "UNCONFIRMED",
    AccountStatus.CONFIRMED: "CONFIRMED",
}
_SEXES: dict[Sex, Literal["MALE", "FEMALE"]] = {Sex.MALE: "MALE", Sex.FEMALE: "FEMALE"}


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    match event:
        case PatientRegistered():
            return registered(event)
        case LettersConsentAnswered() | PatientLanguageNoted():
            contacts = event.contacts
            return facts.PatientContactsChanged(
                patient_id=event.patient_id,
                language=contacts.language,
                email=contacts.email,
                phone=contacts.phone,
                letters_allowed=contacts.letters_allowed,
            )
        case _:
            return None


def registered(event: PatientRegistered) -> facts.PatientRegistered:
    profile = event.profile
    return facts.PatientRegistered(
        patient_id=profile.patient_id,
        account_id=event.account_id,
        account_status=_STATUSES[event.account_status],
        language=event.language,
        last_name=profile.last_name,
        first_name=profile.first_name,
        patronymic=profile.patronymic,
        birth_date=profile.birth_date,
        sex=_SEXES[profile.sex],
        email=profile.email,
        phone=profile.phone,
        letters_allowed=first_contacts(event).letters_allowed,
    )

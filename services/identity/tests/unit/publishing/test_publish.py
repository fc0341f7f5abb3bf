"""What identity tells the others."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from contracts import identity as facts
from event_store import Metadata
from identity.domain.account.events import AccountOpened
from identity.domain.clinician.events import ClinicianRegistered
from identity.domain.organisation.events import BranchAdded, OrganisationRegistered
from identity.domain.patient.events import (
    LettersConsentAnswered,
    PatientLanguageNoted,
    PatientRegistered,
)
from identity.domain.people import (
    AccountDetails,
    AccountStatus,
    ClinicianDetails,
    Consent,
    ConsentKind,
    Contacts,
    Login,
    LoginKind,
    PatientProfile,
    Role,
)
from identity.domain.registration_attempt.details import IssuedCode, RegistrationDetails
from identity.domain.registration_attempt.events import ConfirmationCodeIssued
from identity.publishing import publish
from messaging import Envelope
from vocabulary.ids import AccountId, BranchId, ClinicianId, OrganisationId, PatientId
from vocabulary.people import Sex
from vocabulary.sealed import Sealed
from vocabulary.zone import ZoneId

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ENVELOPE = Envelope(
    id=UUID(int=1),
    source="identity",
    type="X.v1",
    key="k",
    position="",
    data=b"",
    metadata=Metadata(tenant="north", actor="a", role="r", time=NOW, correlation=UUID(int=1)),
)
PATIENT, ACCOUNT = PatientId(UUID(int=2)), AccountId(UUID(int=3))


def sealed(field: str) -> Sealed[str]:
    return Sealed(subject=PATIENT, field=field, cipher=f"c-{field}")


profile = PatientProfile(
    patient_id=PATIENT,
    last_name=sealed("last_name"),
    first_name=sealed("first_name"),
    patronymic=sealed("patronymic"),
    birth_date=sealed("birth_date"),
    sex=Sex.FEMALE,
    email=sealed("email"),
    phone=sealed("phone"),
)
contacts = Contacts(language="en", letters_allowed=False, email=profile.email, phone=profile.phone)
letters = Consent(kind=ConsentKind.LETTERS, given=True, document="1", answered_at=NOW)
registered = PatientRegistered(
    profile=profile,
    account_id=ACCOUNT,
    account_status=AccountStatus.UNCONFIRMED,
    language="ru",
    consents=(letters,),
)
details = RegistrationDetails(
    attempt_id=UUID(int=4),
    account_id=ACCOUNT,
    profile=profile,
    login=Login(kind=LoginKind.EMAIL, lookup="ab", value=sealed("email")),
    language="ru",
    consents=(letters,),
    closes_at=NOW,
    wrong_codes_allowed=5,
    codes_allowed=5,
    resend_seconds=60,
    code_minutes=15,
)
issued = ConfirmationCodeIssued(
    details=details,
    code=IssuedCode(code=sealed("code"), code_hash="h"),
    number=1,
    expires_at=NOW,
    resend_at=NOW,
)


def test_an_organisation_and_its_branches() -> None:
    organisation = OrganisationRegistered(
        organisation_id=OrganisationId(UUID(int=5)), legal_name="ООО Север", languages=("ru",)
    )
    branch = BranchAdded(
        branch_id=BranchId(UUID(int=6)),
        name="Центр",
        address="Мира, 1",
        phone="+7",
        zone=ZoneId("Europe/Moscow"),
    )
    assert publish(organisation, ENVELOPE) == facts.OrganisationRegistered(
        organisation_id=UUID(int=5), legal_name="ООО Север", languages=("ru",)
    )
    assert publish(branch, ENVELOPE) == facts.BranchAdded(
        branch_id=UUID(int=6), name="Центр", address="Мира, 1", phone="+7", zone="Europe/Moscow"
    )


def test_a_clinician() -> None:
    clinician = ClinicianDetails(
        clinician_id=ClinicianId(UUID(int=7)),
        branch_id=BranchId(UUID(int=6)),
        last_name="Петрова",
        first_name="Анна",
        specialty="Терапевт",
        category="Высшая",
    )
    event = ClinicianRegistered(
        details=clinician, account_id=ACCOUNT, language="ru", email=sealed("email")
    )
    assert publish(event, ENVELOPE) == facts.ClinicianRegistered(
        clinician_id=UUID(int=7),
        account_id=ACCOUNT,
        branch_id=UUID(int=6),
        last_name="Петрова",
        first_name="Анна",
        specialty="Терапевт",
        category="Высшая",
        email=sealed("email"),
        language="ru",
    )


@pytest.mark.requirement("NTF-06", "IDN-09")
@pytest.mark.parametrize(
    ("kind", "email", "phone"),
    [
        (LoginKind.EMAIL, profile.email, None),
        (LoginKind.PHONE, None, profile.phone),
    ],
)
def test_a_code_goes_to_the_chosen_contact_only(
    kind: LoginKind, email: Sealed[str] | None, phone: Sealed[str] | None
) -> None:
    chosen = replace(details, login=replace(details.login, kind=kind))
    assert publish(replace(issued, details=chosen), ENVELOPE) == facts.ConfirmationCodeIssued(
        attempt_id=details.attempt_id,
        patient_id=PATIENT,
        code=sealed("code"),
        expires_at=NOW,
        language="ru",
        email=email,
        phone=phone,
    )


@pytest.mark.requirement("IDN-13")
def test_a_patient_with_the_account_status_that_booking_asks_for() -> None:
    assert publish(registered, ENVELOPE) == facts.PatientRegistered(
        patient_id=PATIENT,
        account_id=ACCOUNT,
        account_status="UNCONFIRMED",
        language="ru",
        last_name=sealed("last_name"),
        first_name=sealed("first_name"),
        patronymic=sealed("patronymic"),
        birth_date=sealed("birth_date"),
        sex="FEMALE",
        email=sealed("email"),
        phone=sealed("phone"),
        letters_allowed=True,
    )


@pytest.mark.parametrize(
    "event",
    [
        PatientLanguageNoted(patient_id=PATIENT, contacts=contacts),
        LettersConsentAnswered(patient_id=PATIENT, consent=letters, contacts=contacts),
    ],
)
def test_changed_contacts(event: object) -> None:
    assert publish(event, ENVELOPE) == facts.PatientContactsChanged(
        patient_id=PATIENT,
        language="en",
        email=profile.email,
        phone=profile.phone,
        letters_allowed=False,
    )


def test_accounts_are_nobody_elses_business() -> None:
    account = AccountDetails(
        account_id=ACCOUNT,
        login=details.login,
        roles=(Role.PATIENT,),
        status=AccountStatus.UNCONFIRMED,
        language="ru",
    )
    assert publish(AccountOpened(details=account), ENVELOPE) is None

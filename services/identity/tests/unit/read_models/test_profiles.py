"""Who somebody is, folded from facts of the account and of the patient's card."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from event_store import Metadata, RecordedEvent
from identity.domain.account.events import AccountOpened, LanguageChosen
from identity.domain.patient.events import LettersConsentAnswered, PatientRegistered
from identity.domain.people import (
    AccountDetails,
    AccountStatus,
    Consent,
    ConsentKind,
    Contacts,
    Login,
    LoginKind,
    PatientProfile,
    Role,
)
from identity.read_models.profiles import VIEW, Profile, ProfileEvent, project
from read_models import Fact
from vocabulary.ids import AccountId, PatientId
from vocabulary.people import Sex
from vocabulary.sealed import Sealed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PATIENT, ACCOUNT = PatientId(UUID(int=2)), AccountId(UUID(int=3))
secret = Sealed[str](subject=PATIENT, field="f", cipher="c")
metadata = Metadata(tenant="north", actor="a", role="r", time=NOW, correlation=UUID(int=1))
FACT = Fact(
    RecordedEvent(
        UUID(int=1), "account-north.x", 0, "X.v1", b"", msgspec.json.encode(metadata), 0, 1
    )
)
opened = AccountOpened(
    details=AccountDetails(
        account_id=ACCOUNT,
        login=Login(kind=LoginKind.EMAIL, lookup="ab", value=secret),
        roles=(Role.PATIENT,),
        status=AccountStatus.UNCONFIRMED,
        language="ru",
        patient_id=PATIENT,
    )
)
letters = Consent(kind=ConsentKind.LETTERS, given=True, document="1", answered_at=NOW)
registered = PatientRegistered(
    profile=PatientProfile(
        patient_id=PATIENT, last_name=secret, first_name=secret, birth_date=secret, sex=Sex.MALE
    ),
    account_id=ACCOUNT,
    account_status=AccountStatus.UNCONFIRMED,
    language="ru",
    consents=(letters,),
)
chosen = LanguageChosen(account_id=ACCOUNT, language="en", patient_id=PATIENT)
quiet = LettersConsentAnswered(
    patient_id=PATIENT,
    consent=replace(letters, given=False),
    contacts=Contacts(language="en", letters_allowed=False),
)


def after(*events: ProfileEvent) -> Profile | None:
    row: Profile | None = None
    for event in events:
        row = project(row, event, FACT)
    return row


def test_a_profile_grows_from_its_facts() -> None:
    row = after(opened)
    assert row is not None
    assert (row.person_id, row.roles, row.patient) == (PATIENT, ("patient",), None)
    row = after(opened, registered, chosen, quiet)
    assert row is not None
    assert (row.patient, row.language) == (registered.profile, "en")
    assert row.letters_allowed is False


def test_nothing_is_known_before_the_account() -> None:
    assert after(registered, chosen, quiet) is None


def test_every_fact_finds_the_row_of_the_person() -> None:
    for event in (opened, registered, chosen, quiet):
        assert list(VIEW.events[type(event)](event, FACT)) == [("north", PATIENT)]
    of_staff = LanguageChosen(account_id=ACCOUNT, language="en")
    assert list(VIEW.events[LanguageChosen](of_staff, FACT)) == [("north", ACCOUNT)]

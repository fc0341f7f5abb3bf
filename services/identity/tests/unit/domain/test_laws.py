"""Laws of the small aggregates: a repeat adds nothing, and a fold of what was decided never fails."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decider import Decider, Rejection, fold
from identity.domain.account.commands import (
    ChooseLanguage,
    OpenAccount,
    RefuseAccount,
    RequestAccount,
)
from identity.domain.account.decider import ACCOUNT
from identity.domain.clinician.commands import RegisterClinician
from identity.domain.clinician.decider import CLINICIAN
from identity.domain.identifier_reservation.commands import ReserveIdentifier
from identity.domain.identifier_reservation.decider import IDENTIFIER_RESERVATION
from identity.domain.organisation.commands import AddBranch, RegisterOrganisation
from identity.domain.organisation.decider import ORGANISATION
from identity.domain.patient.commands import (
    AnswerLettersConsent,
    NoteLanguage,
    RegisterPatient,
)
from identity.domain.patient.decider import PATIENT
from identity.domain.people import (
    AccountDetails,
    AccountStatus,
    ClinicianDetails,
    Login,
    LoginKind,
    PatientProfile,
    Role,
)
from identity.domain.session.commands import EndSession, RefreshSession, StartSession
from identity.domain.session.decider import SESSION
from identity.domain.session.events import SessionEnd
from vocabulary.ids import (
    AccountId,
    BranchId,
    ClinicianId,
    OrganisationId,
    PatientId,
    SessionId,
)
from vocabulary.people import Sex
from vocabulary.sealed import Sealed
from vocabulary.zone import ZoneId

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
secret = Sealed[str](subject=UUID(int=2), field="f", cipher="c")
few = st.integers(1, 3)
languages = st.sampled_from(["ru", "en"])
clinician = ClinicianDetails(
    clinician_id=ClinicianId(UUID(int=5)),
    branch_id=BranchId(UUID(int=6)),
    last_name="Петрова",
    first_name="Анна",
    specialty="Терапевт",
)
account = AccountDetails(
    account_id=AccountId(UUID(int=1)),
    login=Login(kind=LoginKind.EMAIL, lookup="ab", value=secret),
    roles=(Role.CLINICIAN,),
    status=AccountStatus.CONFIRMED,
    language="ru",
    clinician=clinician,
)
profile = PatientProfile(
    patient_id=PatientId(UUID(int=2)),
    last_name=secret,
    first_name=secret,
    birth_date=secret,
    sex=Sex.MALE,
)
times = st.integers(0, 100).map(lambda hours: NOW + timedelta(hours=hours))

WISHES: dict[str, tuple[Decider[Any, Any, Any], st.SearchStrategy[Any]]] = {
    "organisation": (
        ORGANISATION,
        st.one_of(
            few.map(
                lambda n: RegisterOrganisation(
                    organisation_id=OrganisationId(UUID(int=n)),
                    legal_name="ООО",
                    languages=("ru",),
                )
            ),
            few.map(
                lambda n: AddBranch(
                    branch_id=BranchId(UUID(int=n)),
                    name="Центр",
                    address="Мира, 1",
                    phone="1",
                    zone=ZoneId("Europe/Moscow"),
                )
            ),
        ),
    ),
    "identifier": (
        IDENTIFIER_RESERVATION,
        few.map(lambda n: ReserveIdentifier(account_id=AccountId(UUID(int=n)))),
    ),
    "clinician": (
        CLINICIAN,
        languages.map(
            lambda language: RegisterClinician(
                details=clinician, account_id=account.account_id, language=language
            )
        ),
    ),
    "account": (
        ACCOUNT,
        st.one_of(
            st.just(RequestAccount(details=account, password=secret)),
            st.just(OpenAccount()),
            st.just(RefuseAccount()),
            languages.map(lambda language: ChooseLanguage(language=language)),
        ),
    ),
    "patient": (
        PATIENT,
        st.one_of(
            st.just(
                RegisterPatient(
                    profile=profile,
                    account_id=account.account_id,
                    account_status=AccountStatus.UNCONFIRMED,
                    language="ru",
                    consents=(),
                )
            ),
            languages.map(lambda language: NoteLanguage(language=language)),
            st.booleans().map(
                lambda given: AnswerLettersConsent(given=given, document="1", now=NOW)
            ),
        ),
    ),
    "session": (
        SESSION,
        st.one_of(
            times.map(
                lambda now: StartSession(
                    session_id=SessionId(UUID(int=1)),
                    account_id=account.account_id,
                    now=now,
                    expires_at=now + timedelta(hours=40),
                )
            ),
            st.builds(
                RefreshSession,
                generation=st.integers(0, 3),
                request_id=few.map(lambda n: UUID(int=n)),
                now=times,
                tokens_until=times,
            ),
            times.map(
                lambda now: EndSession(reason=SessionEnd.SIGNED_OUT, now=now, tokens_until=now)
            ),
        ),
    ),
}


@pytest.mark.parametrize("aggregate", WISHES)
@given(data=st.data())
def test_a_repeat_adds_nothing(aggregate: str, data: st.DataObject) -> None:
    decider, wishes = WISHES[aggregate]
    state = decider.initial
    for wish in data.draw(st.lists(wishes, max_size=20)):
        facts: Sequence[Any] = ()
        try:
            facts = decider.decide(wish, state)
        except Rejection:
            continue
        state = fold(decider, facts, state)
        assert list(decider.decide(wish, state)) == []

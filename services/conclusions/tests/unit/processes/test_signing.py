"""What follows from what in the life of a document (S11)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from conclusions.application.processes.signing import SIGNING
from conclusions.consumers import booking, identity
from conclusions.domain.appointment.commands import RecordAppointment
from conclusions.domain.certificate import Certificate
from conclusions.domain.conclusion.commands import (
    PublishConclusion,
    RequestAutomaticSignature,
    RetrySignature,
)
from conclusions.domain.conclusion.events import (
    ConclusionAttached,
    ConclusionCase,
    ConclusionOpened,
    ConclusionPublished,
    ConclusionSigned,
    ConclusionSigningFailed,
    ConclusionUploaded,
    Document,
    Signature,
    SignatureRequested,
    SigningFailure,
)
from conclusions.domain.organisation.commands import RecordOrganisation
from conclusions.domain.policies import SigningMode
from conclusions.publishing import publish
from conclusions.timers.signing_retry import SIGNING_RETRY
from contracts import conclusions as public
from contracts.booking import AppointmentRescheduled
from contracts.identity import OrganisationRegistered
from messaging import Cause, Dispatch
from messaging.testing import envelope
from timers import Due, Elapsed
from vocabulary.ids import AppointmentId, ClinicianId, ConclusionId, ConsultationId, PatientId
from vocabulary.zone import ZoneId

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CASE = ConclusionCase(
    conclusion_id=ConclusionId(UUID(int=4)),
    consultation_id=ConsultationId(UUID(int=5)),
    appointment_id=AppointmentId(UUID(int=6)),
    patient_id=PatientId(UUID(int=3)),
    clinician_id=ClinicianId(UUID(int=1)),
    accepted_at=NOW - timedelta(hours=1),
    completed_at=NOW - timedelta(minutes=30),
)
DOCUMENT = Document(
    document_id=UUID(int=7),
    sha256="a" * 64,
    size=1000,
    made_at=NOW,
    doctor_name="Петров Пётр",
    specialty="Терапевт",
    appointment_at=NOW,
    zone=ZoneId("Europe/Moscow"),
)
SIGNED = ConclusionSigned(
    case=CASE,
    document_id=DOCUMENT.document_id,
    signature=Signature(
        document_sha256="a" * 64,
        document_size=1000,
        signed_sha256="c" * 64,
        signed_size=9000,
        algorithm="sha256_ecdsa",
        certificate=Certificate(
            serial="1F", issuer="CN=Root", owner="Петров Пётр", valid_from=NOW, valid_to=NOW
        ),
        signed_at=NOW,
        timestamped_at=None,
        cms_base64="",
    ),
)
FAILED = ConclusionSigningFailed(
    case=CASE,
    document_id=DOCUMENT.document_id,
    attempt=2,
    reason=SigningFailure.TIMESTAMP_UNAVAILABLE,
    retry_at=NOW + timedelta(minutes=5),
)
REQUESTED = SignatureRequested(
    case=CASE, document=DOCUMENT, uploaded=False, attempt=3, by=SigningMode.AUTO
)
CAUSE = Cause(envelope(1, key="conclusion-north.5"), NOW, "conclusions.signing")


def react(event: Any) -> list[Dispatch]:
    answer = SIGNING.reactions[type(event)](event, CAUSE)
    assert isinstance(answer, list)
    return answer


@pytest.mark.parametrize("kind", [ConclusionAttached, ConclusionUploaded])
def test_a_document_asks_for_its_automatic_signature(kind: type[Any]) -> None:
    assert react(kind(case=CASE, document=DOCUMENT)) == [
        Dispatch(to="conclusions", key=CASE.consultation_id, command=RequestAutomaticSignature())
    ]


def test_a_signature_asks_for_publication() -> None:
    assert react(SIGNED) == [
        Dispatch(to="conclusions", key=CASE.consultation_id, command=PublishConclusion())
    ]


async def test_a_request_goes_to_the_desk() -> None:
    class App:
        @property
        def signing(self) -> "App":
            return self

        async def sign(self, event: SignatureRequested, cause: Cause) -> list[object]:
            return [event, cause]

    answer = SIGNING.reactions[SignatureRequested](REQUESTED, CAUSE, App())
    assert not isinstance(answer, list)
    assert await answer == [REQUESTED, CAUSE]  # type: ignore[misc]  # the form with effects


def test_a_conclusion_that_waits_for_its_publication_is_an_open_instance() -> None:
    published = ConclusionPublished(
        case=CASE, document_id=DOCUMENT.document_id, signed_sha256="c" * 64
    )
    key = str(CASE.consultation_id)
    assert SIGNING.starts[SignatureRequested](REQUESTED) == key
    assert SIGNING.ends[ConclusionPublished](published) == key


def test_a_failure_with_a_time_sets_the_clock_and_the_next_try_stops_it() -> None:
    key = f"{CASE.consultation_id}|2"
    fact: Any = None
    assert SIGNING_RETRY.sets[ConclusionSigningFailed](FAILED, fact) == Due(
        key=key, at=NOW + timedelta(minutes=5)
    )
    assert SIGNING_RETRY.sets[ConclusionSigningFailed](replace(FAILED, retry_at=None), fact) is None
    assert SIGNING_RETRY.cancels[SignatureRequested](REQUESTED, fact) == key
    elapsed = Elapsed(
        name="signing_retry",
        tenant="north",
        key=key,
        at=NOW,
        index=0,
        generation=UUID(int=1),
        now=NOW,
        correlation=UUID(int=1),
        subject=None,
    )
    assert SIGNING_RETRY.fire(elapsed) == Dispatch(
        to="conclusions", key=str(CASE.consultation_id), command=RetrySignature(attempt=2)
    )


IDS = {
    "conclusion_id": CASE.conclusion_id,
    "consultation_id": CASE.consultation_id,
    "appointment_id": CASE.appointment_id,
    "patient_id": CASE.patient_id,
    "clinician_id": CASE.clinician_id,
}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            SIGNED,
            public.ConclusionSigned(
                **IDS, document_sha256="c" * 64, certificate_serial="1F", signed_at=NOW
            ),
        ),
        (FAILED, public.ConclusionSigningFailed(**IDS, reason="TIMESTAMP_UNAVAILABLE")),
        (
            ConclusionPublished(
                case=CASE, document_id=DOCUMENT.document_id, signed_sha256="c" * 64
            ),
            public.ConclusionPublished(**IDS, document_sha256="c" * 64),
        ),
        (ConclusionOpened(case=CASE, signing=SigningMode.AUTO), None),
        (ConclusionAttached(case=CASE, document=DOCUMENT), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_others_hear_of_signatures_and_publications_alone(event: object, told: object) -> None:
    assert publish(event, CAUSE.envelope) == told


def test_a_moved_appointment_is_printed_with_its_new_time() -> None:
    moved = AppointmentRescheduled(
        appointment_id=CASE.appointment_id,
        patient_id=CASE.patient_id,
        clinician_id=CASE.clinician_id,
        doctor_name="Петров Пётр",
        specialty="Терапевт",
        branch_id=UUID(int=1),
        zone="Europe/Moscow",
        kind="ONLINE",
        service_id=UUID(int=1),
        starts_at=NOW,
        ends_at=NOW,
        payment_mode="FREE",
        previous_starts_at=NOW,
        previous_ends_at=NOW,
        sequence=1,
    )
    [dispatch] = booking.HANDLERS[AppointmentRescheduled](moved, CAUSE)  # type: ignore[misc]  # the pure form
    assert (dispatch.to, dispatch.key) == ("appointments", CASE.appointment_id)
    assert isinstance(dispatch.command, RecordAppointment)
    assert dispatch.command.appointment.starts_at == NOW


@pytest.mark.parametrize(("languages", "first"), [(("en", "ru"), "en"), ((), "ru")])
def test_a_clinic_s_documents_are_in_its_first_language(
    languages: tuple[str, ...], first: str
) -> None:
    told = OrganisationRegistered(
        organisation_id=UUID(int=1), legal_name="Clinic", languages=languages
    )
    [dispatch] = identity.HANDLERS[OrganisationRegistered](told, CAUSE)  # type: ignore[misc]  # the pure form
    assert dispatch.key == CAUSE.tenant
    assert isinstance(dispatch.command, RecordOrganisation)
    assert dispatch.command.organisation.language == first

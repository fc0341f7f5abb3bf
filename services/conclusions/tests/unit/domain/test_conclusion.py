"""Rules of a conclusion."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conclusions.domain.certificate import Certificate
from conclusions.domain.conclusion.commands import (
    AttachConclusion,
    ConclusionCommand,
    DiscardPreview,
    FailSignature,
    GenerateConclusionDocument,
    OpenConclusion,
    PublishConclusion,
    RecordDownload,
    RecordSignature,
    RecordView,
    RequestAutomaticSignature,
    RequestSignature,
    RetrySignature,
    SaveDraft,
    UploadConclusion,
)
from conclusions.domain.conclusion.decider import CONCLUSION, RETRY_PAUSES, decide
from conclusions.domain.conclusion.errors import (
    ConclusionAlreadyAttached,
    ConclusionNotAttached,
    ConclusionNotDue,
    ConclusionNotSigned,
    DraftEmpty,
    NotAuthor,
    NothingToPreview,
    PreviewOutdated,
)
from conclusions.domain.conclusion.events import (
    ConclusionAttached,
    ConclusionCase,
    ConclusionDocumentDownloaded,
    ConclusionDocumentGenerated,
    ConclusionDocumentViewed,
    ConclusionDraftSaved,
    ConclusionEvent,
    ConclusionOpened,
    ConclusionPreviewDiscarded,
    ConclusionPublished,
    ConclusionSigned,
    ConclusionSigningFailed,
    ConclusionUploaded,
    Document,
    Signature,
    SignatureRequested,
    SigningFailure,
)
from conclusions.domain.conclusion.state import Unknown, evolve
from conclusions.domain.form import ConclusionForm
from conclusions.domain.policies import SigningMode
from decider import Rejection, fold
from decider.testing import Specification
from vocabulary.ids import AppointmentId, ClinicianId, ConclusionId, ConsultationId, PatientId
from vocabulary.sealed import Sealed
from vocabulary.zone import ZoneId

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AUTHOR, COLLEAGUE = ClinicianId(UUID(int=1)), ClinicianId(UUID(int=2))
PATIENT = PatientId(UUID(int=3))
CASE = ConclusionCase(
    conclusion_id=ConclusionId(UUID(int=4)),
    consultation_id=ConsultationId(UUID(int=5)),
    appointment_id=AppointmentId(UUID(int=6)),
    patient_id=PATIENT,
    clinician_id=AUTHOR,
    accepted_at=NOW - timedelta(hours=1),
    completed_at=NOW - timedelta(minutes=30),
)


def sealed(text: str, field: str = "conclusion.complaints") -> Sealed[str]:
    return Sealed(subject=PATIENT, field=field, cipher=text)


DRAFT = ConclusionForm(complaints=sealed("a"))
OTHER_DRAFT = ConclusionForm(complaints=sealed("b"))
REASON_ONLY = ConclusionForm(reason_for_visit=sealed("c"))
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
OTHER_DOCUMENT = replace(DOCUMENT, document_id=UUID(int=8), sha256="b" * 64)
SIGNATURE = Signature(
    document_sha256="a" * 64,
    document_size=1000,
    signed_sha256="c" * 64,
    signed_size=9000,
    algorithm="sha256_ecdsa",
    certificate=Certificate(
        serial="1F",
        issuer="CN=Root",
        owner="Петров Пётр",
        valid_from=NOW,
        valid_to=NOW + timedelta(days=450),
    ),
    signed_at=NOW,
    timestamped_at=None,
    cms_base64="",
)

OPENED = ConclusionOpened(case=CASE, signing=SigningMode.AUTO)
MANUAL = replace(OPENED, signing=SigningMode.MANUAL)
SAVED = ConclusionDraftSaved(draft=DRAFT)
GENERATED = ConclusionDocumentGenerated(document=DOCUMENT)
ATTACHED = ConclusionAttached(case=CASE, document=DOCUMENT)
UPLOADED = ConclusionUploaded(case=CASE, document=DOCUMENT)
REQUESTED = SignatureRequested(
    case=CASE, document=DOCUMENT, uploaded=False, attempt=1, by=SigningMode.AUTO
)
FAILED = ConclusionSigningFailed(
    case=CASE,
    document_id=DOCUMENT.document_id,
    attempt=1,
    reason=SigningFailure.AUTHORITY_UNAVAILABLE,
    retry_at=NOW + timedelta(minutes=1),
)
UNSIGNABLE = replace(FAILED, reason=SigningFailure.DOCUMENT_UNSIGNABLE, retry_at=None)
SIGNED = ConclusionSigned(case=CASE, document_id=DOCUMENT.document_id, signature=SIGNATURE)
PUBLISHED = ConclusionPublished(case=CASE, document_id=DOCUMENT.document_id, signed_sha256="c" * 64)

OPEN = OpenConclusion(case=CASE, signing=SigningMode.AUTO)
SAVE = SaveDraft(author=AUTHOR, draft=DRAFT)
GENERATE = GenerateConclusionDocument(author=AUTHOR, draft=DRAFT, document=DOCUMENT)
DISCARD = DiscardPreview(author=AUTHOR)
ATTACH = AttachConclusion(author=AUTHOR, document_id=DOCUMENT.document_id)
UPLOAD = UploadConclusion(author=AUTHOR, document=DOCUMENT)
REQUEST = RequestSignature(author=AUTHOR)
SIGN = RecordSignature(signature=SIGNATURE)
FAIL = FailSignature(attempt=1, reason=SigningFailure.AUTHORITY_UNAVAILABLE, now=NOW)

conclusion = Specification(CONCLUSION)
WRITTEN = (OPENED, SAVED, GENERATED)
ASKED = (*WRITTEN, ATTACHED, REQUESTED)


def test_a_completed_consultation_opens_one_conclusion() -> None:
    conclusion.given().when(OPEN).then(OPENED)
    conclusion.given(OPENED, SAVED).when(replace(OPEN, signing=SigningMode.MANUAL)).then_nothing()


def test_a_draft_is_saved_and_the_same_draft_again_adds_nothing() -> None:
    conclusion.given(OPENED).when(SAVE).then(SAVED)
    conclusion.given(OPENED).when(SaveDraft(author=AUTHOR, draft=ConclusionForm())).then_nothing()


@pytest.mark.requirement("CON-06")
def test_a_changed_draft_voids_the_preview() -> None:
    change = SaveDraft(author=AUTHOR, draft=OTHER_DRAFT)
    conclusion.given(*WRITTEN).when(change, ATTACH).then_rejected(NothingToPreview)


@pytest.mark.requirement("CON-06")
def test_a_preview_shows_the_draft_as_it_is() -> None:
    conclusion.given(OPENED, SAVED).when(GENERATE).then(GENERATED)
    other = replace(GENERATE, document=OTHER_DOCUMENT)
    conclusion.given(*WRITTEN).when(other).then(
        ConclusionDocumentGenerated(document=OTHER_DOCUMENT)
    )
    conclusion.given(OPENED, ConclusionDraftSaved(draft=OTHER_DRAFT)).when(GENERATE).then_rejected(
        PreviewOutdated
    )


def test_an_empty_draft_is_not_printed() -> None:
    conclusion.given(OPENED).when(GENERATE).then_rejected(DraftEmpty)
    conclusion.given(OPENED, ConclusionDraftSaved(draft=REASON_ONLY)).when(
        replace(GENERATE, draft=REASON_ONLY)
    ).then_rejected(DraftEmpty)


@pytest.mark.requirement("CON-06")
def test_a_preview_is_discarded_once() -> None:
    conclusion.given(*WRITTEN).when(DISCARD).then(
        ConclusionPreviewDiscarded(document_id=DOCUMENT.document_id)
    )
    conclusion.given(OPENED, SAVED).when(DISCARD).then_nothing()


@pytest.mark.requirement("CON-06")
def test_the_previewed_document_and_no_other_is_attached() -> None:
    conclusion.given(*WRITTEN).when(ATTACH).then(ATTACHED)
    conclusion.given(OPENED, SAVED).when(ATTACH).then_rejected(NothingToPreview)
    conclusion.given(*WRITTEN).when(
        AttachConclusion(author=AUTHOR, document_id=OTHER_DOCUMENT.document_id)
    ).then_rejected(PreviewOutdated)


@pytest.mark.requirement("CON-11")
def test_a_file_is_uploaded_with_or_without_a_draft() -> None:
    conclusion.given(OPENED).when(UPLOAD).then(UPLOADED)
    conclusion.given(*WRITTEN).when(UPLOAD).then(UPLOADED)


@pytest.mark.requirement("CON-13")
@pytest.mark.parametrize("first", [ATTACHED, UPLOADED])
@pytest.mark.parametrize(
    "second",
    [
        replace(UPLOAD, document=OTHER_DOCUMENT),
        AttachConclusion(author=AUTHOR, document_id=OTHER_DOCUMENT.document_id),
        SAVE,
        GENERATE,
        DISCARD,
    ],
    ids=lambda command: type(command).__name__,
)
def test_after_the_first_document_there_is_no_second(
    first: ConclusionEvent, second: ConclusionCommand
) -> None:
    conclusion.given(*WRITTEN, first).when(second).then_rejected(ConclusionAlreadyAttached)


@pytest.mark.requirement("CON-15")
@pytest.mark.parametrize(
    "command",
    [SAVE, GENERATE, DISCARD, ATTACH, UPLOAD, REQUEST],
    ids=lambda command: type(command).__name__,
)
def test_only_the_author_writes_attaches_and_signs(
    command: SaveDraft
    | GenerateConclusionDocument
    | DiscardPreview
    | AttachConclusion
    | UploadConclusion
    | RequestSignature,
) -> None:
    foreign = replace(command, author=COLLEAGUE)
    conclusion.given(*WRITTEN).when(foreign).then_rejected(NotAuthor)
    conclusion.given().when(command).then_rejected(ConclusionNotDue)


@pytest.mark.requirement("CON-24")
def test_automatic_signing_follows_the_attachment() -> None:
    request = RequestAutomaticSignature()
    conclusion.given(*WRITTEN, ATTACHED).when(request).then(REQUESTED)
    conclusion.given(OPENED, UPLOADED).when(request).then(replace(REQUESTED, uploaded=True))
    conclusion.given(*ASKED, FAILED).when(request).then_nothing()
    conclusion.given(OPENED).when(request).then_rejected(ConclusionNotAttached)


@pytest.mark.requirement("CON-24")
def test_in_the_mode_manual_the_doctor_alone_asks() -> None:
    waiting = conclusion.given(MANUAL, SAVED, GENERATED, ATTACHED)
    waiting.when(RequestAutomaticSignature()).then_nothing()
    waiting.when(REQUEST).then(replace(REQUESTED, by=SigningMode.MANUAL))
    conclusion.given(MANUAL, SAVED).when(REQUEST).then_rejected(ConclusionNotAttached)


@pytest.mark.requirement("CON-28")
def test_after_a_failure_doctor_or_clock_try_again_once() -> None:
    failed = conclusion.given(*ASKED, FAILED)
    failed.when(REQUEST).then(replace(REQUESTED, attempt=2, by=SigningMode.MANUAL))
    failed.when(RetrySignature(attempt=1)).then(replace(REQUESTED, attempt=2))
    failed.when(REQUEST, RetrySignature(attempt=1)).then_nothing()
    failed.when(RetrySignature(attempt=2)).then_nothing()


@pytest.mark.requirement("CON-28")
@pytest.mark.parametrize("attempt", range(1, len(RETRY_PAUSES) + 2))
def test_pauses_grow_and_end(attempt: int) -> None:
    asked = replace(REQUESTED, attempt=attempt)
    pauses = [*RETRY_PAUSES, None]
    pause = pauses[attempt - 1]
    assert list(RETRY_PAUSES) == sorted(set(RETRY_PAUSES))
    conclusion.given(*WRITTEN, ATTACHED, asked).when(replace(FAIL, attempt=attempt)).then(
        replace(FAILED, attempt=attempt, retry_at=None if pause is None else NOW + pause)
    )


@pytest.mark.parametrize(
    "reason", [SigningFailure.DOCUMENT_UNSIGNABLE, SigningFailure.SUBJECT_ERASED]
)
def test_what_will_not_get_better_is_not_tried_again(reason: SigningFailure) -> None:
    conclusion.given(*ASKED).when(replace(FAIL, reason=reason)).then(
        replace(FAILED, reason=reason, retry_at=None)
    )


@pytest.mark.requirement("CON-11", "CON-28")
def test_a_document_that_cannot_be_signed_is_replaced_by_another() -> None:
    stuck = conclusion.given(*ASKED, UNSIGNABLE)
    other = replace(UPLOAD, document=OTHER_DOCUMENT)
    stuck.when(other).then(replace(UPLOADED, document=OTHER_DOCUMENT))
    stuck.when(other, RequestAutomaticSignature()).then(
        replace(REQUESTED, document=OTHER_DOCUMENT, uploaded=True)
    )
    stuck.when(replace(other, author=COLLEAGUE)).then_rejected(NotAuthor)
    stuck.when(UPLOAD).then_nothing()


@pytest.mark.requirement("CON-11", "CON-06", "CON-28")
def test_a_document_that_cannot_be_signed_is_written_again_from_its_draft() -> None:
    stuck = conclusion.given(*ASKED, UNSIGNABLE)
    printed = replace(GENERATE, document=OTHER_DOCUMENT)
    attach = AttachConclusion(author=AUTHOR, document_id=OTHER_DOCUMENT.document_id)
    stuck.when(SAVE).then_nothing()
    stuck.when(printed).then(ConclusionDocumentGenerated(document=OTHER_DOCUMENT))
    stuck.when(printed, attach).then(replace(ATTACHED, document=OTHER_DOCUMENT))
    stuck.when(replace(SAVE, draft=OTHER_DRAFT)).then(ConclusionDraftSaved(draft=OTHER_DRAFT))
    stuck.when(replace(SAVE, draft=OTHER_DRAFT), REQUEST).then_rejected(ConclusionNotAttached)


@pytest.mark.parametrize(
    "reason",
    [reason for reason in SigningFailure if reason is not SigningFailure.DOCUMENT_UNSIGNABLE],
)
def test_a_document_that_may_still_be_signed_is_not_replaced(reason: SigningFailure) -> None:
    """Nor one of an erased patient, who can have no other either."""
    failed = conclusion.given(*ASKED, replace(FAILED, reason=reason))
    for command in (replace(UPLOAD, document=OTHER_DOCUMENT), SAVE, GENERATE):
        failed.when(command).then_rejected(ConclusionAlreadyAttached)


def test_a_signature_of_the_replaced_document_comes_too_late() -> None:
    other = ConclusionUploaded(case=CASE, document=OTHER_DOCUMENT)
    conclusion.given(*ASKED, UNSIGNABLE).when(SIGN).then(SIGNED)
    conclusion.given(*ASKED, UNSIGNABLE, other).when(SIGN).then_nothing()


def test_a_failure_of_another_try_changes_nothing() -> None:
    conclusion.given(*ASKED).when(replace(FAIL, attempt=2)).then_nothing()
    conclusion.given(*ASKED, SIGNED).when(FAIL).then_nothing()
    conclusion.given(OPENED).when(FAIL).then_nothing()


@pytest.mark.requirement("CON-27")
def test_the_first_signature_counts() -> None:
    conclusion.given(*ASKED).when(SIGN).then(SIGNED)
    conclusion.given(*ASKED, FAILED).when(SIGN).then(SIGNED)
    later = RecordSignature(signature=replace(SIGNATURE, signed_sha256="d" * 64))
    conclusion.given(*ASKED, SIGNED).when(later).then_nothing()
    conclusion.given(*ASKED, SIGNED).when(REQUEST).then_nothing()
    conclusion.given(OPENED).when(SIGN).then_rejected(ConclusionNotAttached)


@pytest.mark.requirement("CON-26", "CON-29")
def test_only_a_signed_document_is_published() -> None:
    conclusion.given(*ASKED, SIGNED).when(PublishConclusion()).then(PUBLISHED)
    for history in (ASKED[:-1], ASKED, (*ASKED, FAILED)):
        conclusion.given(*history).when(PublishConclusion()).then_rejected(ConclusionNotSigned)
    conclusion.given(OPENED).when(PublishConclusion()).then_rejected(ConclusionNotAttached)


def test_every_reading_is_recorded_once() -> None:
    view = RecordView(read_id=UUID(int=9), sha256="c" * 64)
    download = RecordDownload(read_id=UUID(int=10), sha256="c" * 64)
    read = conclusion.given(*ASKED, SIGNED, PUBLISHED)
    read.when(view).then(ConclusionDocumentViewed(read_id=UUID(int=9), sha256="c" * 64))
    read.when(download).then(ConclusionDocumentDownloaded(read_id=UUID(int=10), sha256="c" * 64))
    conclusion.given(*WRITTEN).when(view, ATTACH).then(ATTACHED)
    for command in (view, download):
        conclusion.given().when(command).then_rejected(ConclusionNotDue)


COMMANDS: list[ConclusionCommand] = [
    OPEN,
    replace(OPEN, signing=SigningMode.MANUAL),
    SAVE,
    SaveDraft(author=AUTHOR, draft=OTHER_DRAFT),
    GENERATE,
    replace(GENERATE, draft=OTHER_DRAFT, document=OTHER_DOCUMENT),
    DISCARD,
    ATTACH,
    UPLOAD,
    replace(UPLOAD, author=COLLEAGUE),
    RequestAutomaticSignature(),
    REQUEST,
    RetrySignature(attempt=1),
    SIGN,
    FAIL,
    replace(FAIL, attempt=2),
    replace(FAIL, reason=SigningFailure.DOCUMENT_UNSIGNABLE),
    PublishConclusion(),
    RecordView(read_id=UUID(int=9), sha256="c" * 64),
    RecordDownload(read_id=UUID(int=10), sha256="c" * 64),
]


@given(st.lists(st.sampled_from(COMMANDS), max_size=30))
def test_laws_repeats_add_nothing_and_one_document_is_signed_before_it_is_published(
    commands: list[ConclusionCommand],
) -> None:
    state, history = CONCLUSION.initial, list[ConclusionEvent]()
    for command in commands:
        try:
            events = decide(command, state)
        except Rejection:
            continue
        history += events
        state = fold(CONCLUSION, events, state)
        assert decide(command, state) == []
    assert fold(CONCLUSION, history) == state
    kinds = [type(event) for event in history]
    given_up = sum(
        isinstance(event, ConclusionSigningFailed)
        and event.reason is SigningFailure.DOCUMENT_UNSIGNABLE
        for event in history
    )
    documents = kinds.count(ConclusionAttached) + kinds.count(ConclusionUploaded)
    assert documents <= 1 + given_up
    assert kinds.count(ConclusionSigned) <= 1
    if ConclusionPublished in kinds:
        assert kinds.index(ConclusionSigned) < kinds.index(ConclusionPublished)


@pytest.mark.parametrize(
    "event",
    [SAVED, ATTACHED, REQUESTED, ConclusionDocumentViewed(read_id=UUID(int=9), sha256="")],
    ids=lambda event: type(event).__name__,
)
def test_a_fold_of_a_stream_without_its_beginning_does_not_raise(event: ConclusionEvent) -> None:
    assert evolve(Unknown(), event) == Unknown()

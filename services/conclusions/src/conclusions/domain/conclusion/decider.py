"""Rules of a conclusion: who writes it, that there is one, and that it is signed before anybody has it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID

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
    SignatureRequested,
    SigningFailure,
)
from conclusions.domain.conclusion.state import (
    Attached,
    Conclusion,
    Due,
    Failed,
    Published,
    Signed,
    Signing,
    Unknown,
    Waiting,
    as_due,
    evolve,
)
from conclusions.domain.form import ConclusionForm
from conclusions.domain.policies import SigningMode
from decider import Decider
from vocabulary.ids import ClinicianId

__all__ = ["CONCLUSION", "RETRY_PAUSES", "decide", "expect_attached", "expect_draft", "expect_due"]

RETRY_PAUSES: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""After the last of them only the doctor asks again."""

FINAL_FAILURES: Final = frozenset(
    {SigningFailure.DOCUMENT_UNSIGNABLE, SigningFailure.SUBJECT_ERASED}
)
"""No other try ends otherwise."""


def decide(command: ConclusionCommand, state: Conclusion) -> Sequence[ConclusionEvent]:
    match command:
        case OpenConclusion():
            return open_conclusion(command, state)
        case SaveDraft():
            return save_draft(command, state)
        case GenerateConclusionDocument():
            return generate(command, state)
        case DiscardPreview():
            return discard_preview(command, state)
        case AttachConclusion():
            return attach(command, state)
        case UploadConclusion():
            return upload(command, state)
        case RequestAutomaticSignature():
            return request_automatic_signature(state)
        case RequestSignature():
            return request_signature(command, state)
        case RetrySignature():
            return retry_signature(command, state)
        case RecordSignature():
            return record_signature(command, state)
        case FailSignature():
            return fail_signature(command, state)
        case PublishConclusion():
            return publish(state)
        case RecordView():
            return record_view(command, state)
        case RecordDownload():
            return record_download(command, state)
        case _:
            assert_never(command)


def open_conclusion(command: OpenConclusion, state: Conclusion) -> Sequence[ConclusionOpened]:
    if not isinstance(state, Unknown):
        return []
    return [ConclusionOpened(case=command.case, signing=command.signing)]


def save_draft(command: SaveDraft, state: Conclusion) -> Sequence[ConclusionDraftSaved]:
    due = expect_due(state, command.author)
    if command.draft == (due.draft or ConclusionForm()):
        return []
    return [ConclusionDraftSaved(draft=command.draft)]


def generate(
    command: GenerateConclusionDocument, state: Conclusion
) -> Sequence[ConclusionDocumentGenerated]:
    """Printing takes a moment; a draft that was changed meanwhile is not what the document shows."""
    if expect_draft(state, command.author) != command.draft:
        raise PreviewOutdated
    if isinstance(state, Due) and state.preview == command.document:
        return []
    return [ConclusionDocumentGenerated(document=command.document)]


def discard_preview(
    command: DiscardPreview, state: Conclusion
) -> Sequence[ConclusionPreviewDiscarded]:
    due = expect_due(state, command.author)
    if due.preview is None:
        return []
    return [ConclusionPreviewDiscarded(document_id=due.preview.document_id)]


def attach(command: AttachConclusion, state: Conclusion) -> Sequence[ConclusionAttached]:
    if _has_attached(state, command.author, command.document_id):
        return []
    due = expect_due(state, command.author)
    if due.preview is None:
        raise NothingToPreview
    if due.preview.document_id != command.document_id:
        raise PreviewOutdated
    return [ConclusionAttached(case=due.case, document=due.preview)]


def upload(command: UploadConclusion, state: Conclusion) -> Sequence[ConclusionUploaded]:
    if _has_attached(state, command.author, command.document.document_id):
        return []
    due = expect_due(state, command.author)
    return [ConclusionUploaded(case=due.case, document=command.document)]


def request_automatic_signature(state: Conclusion) -> Sequence[SignatureRequested]:
    attached = expect_attached(state)
    if attached.signing is SigningMode.MANUAL or not isinstance(attached.progress, Waiting):
        return []
    return [_requested(attached, attempt=1, by=SigningMode.AUTO)]


def request_signature(command: RequestSignature, state: Conclusion) -> Sequence[SignatureRequested]:
    _expect_author(state, command.author)
    attached = expect_attached(state)
    match attached.progress:
        case Waiting():
            return [_requested(attached, attempt=1, by=SigningMode.MANUAL)]
        case Failed(attempt=attempt):
            return [_requested(attached, attempt=attempt + 1, by=SigningMode.MANUAL)]
        case Signing() | Signed() | Published():
            return []
        case _:
            assert_never(attached.progress)


def retry_signature(command: RetrySignature, state: Conclusion) -> Sequence[SignatureRequested]:
    """A timer that comes after the doctor's own try changes nothing."""
    match state:
        case Attached(progress=Failed(attempt=attempt)) if attempt == command.attempt:
            return [_requested(state, attempt=attempt + 1, by=SigningMode.AUTO)]
        case _:
            return []


def record_signature(command: RecordSignature, state: Conclusion) -> Sequence[ConclusionSigned]:
    """The first signature counts; one that was given up and came late after all is as good as any of that document."""
    attached = expect_attached(state)
    if isinstance(attached.progress, Signed | Published):
        return []
    if command.signature.document_sha256 != attached.document.sha256:
        return []
    return [
        ConclusionSigned(
            case=attached.case,
            document_id=attached.document.document_id,
            signature=command.signature,
        )
    ]


def fail_signature(command: FailSignature, state: Conclusion) -> Sequence[ConclusionSigningFailed]:
    match state:
        case Attached(progress=Signing(attempt=attempt)) if attempt == command.attempt:
            retry_at = None
            if command.reason not in FINAL_FAILURES and attempt <= len(RETRY_PAUSES):
                retry_at = command.now + RETRY_PAUSES[attempt - 1]
            return [
                ConclusionSigningFailed(
                    case=state.case,
                    document_id=state.document.document_id,
                    attempt=attempt,
                    reason=command.reason,
                    retry_at=retry_at,
                )
            ]
        case _:
            return []


def publish(state: Conclusion) -> Sequence[ConclusionPublished]:
    attached = expect_attached(state)
    match attached.progress:
        case Published():
            return []
        case Signed(signed_sha256=signed_sha256):
            return [
                ConclusionPublished(
                    case=attached.case,
                    document_id=attached.document.document_id,
                    signed_sha256=signed_sha256,
                )
            ]
        case Waiting() | Signing() | Failed():
            raise ConclusionNotSigned
        case _:
            assert_never(attached.progress)


def record_view(command: RecordView, state: Conclusion) -> Sequence[ConclusionDocumentViewed]:
    if _was_read(state, command):
        return []
    return [ConclusionDocumentViewed(read_id=command.read_id, sha256=command.sha256)]


def record_download(
    command: RecordDownload, state: Conclusion
) -> Sequence[ConclusionDocumentDownloaded]:
    if _was_read(state, command):
        return []
    return [ConclusionDocumentDownloaded(read_id=command.read_id, sha256=command.sha256)]


def expect_draft(state: Conclusion, author: ClinicianId) -> ConclusionForm:
    """The draft that can be printed now."""
    due = expect_due(state, author)
    if due.draft is None or not due.draft.has_findings:
        raise DraftEmpty
    return due.draft


def expect_due(state: Conclusion, author: ClinicianId) -> Due:
    """What the author is still writing, or writes again because the document cannot be signed."""
    due = as_due(_expect_author(state, author))
    if due is None:
        raise ConclusionAlreadyAttached
    return due


def expect_attached(state: Conclusion) -> Attached:
    if not isinstance(state, Attached):
        raise ConclusionNotAttached
    return state


def _expect_author(state: Conclusion, author: ClinicianId) -> Due | Attached:
    if isinstance(state, Unknown):
        raise ConclusionNotDue
    if state.case.clinician_id != author:
        raise NotAuthor
    return state


def _has_attached(state: Conclusion, author: ClinicianId, document_id: UUID) -> bool:
    known = _expect_author(state, author)
    return isinstance(known, Attached) and known.document.document_id == document_id


def _was_read(state: Conclusion, command: RecordView | RecordDownload) -> bool:
    if isinstance(state, Unknown):
        raise ConclusionNotDue
    return state.last_read == command.read_id


def _requested(attached: Attached, *, attempt: int, by: SigningMode) -> SignatureRequested:
    return SignatureRequested(
        case=attached.case,
        document=attached.document,
        uploaded=attached.uploaded,
        attempt=attempt,
        by=by,
    )


CONCLUSION: Decider[ConclusionCommand, Conclusion, ConclusionEvent] = Decider(
    initial=Unknown(), decide=decide, evolve=evolve
)

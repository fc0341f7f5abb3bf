"""What a conclusion remembers: one class for each status that rules must tell apart."""

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

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
from conclusions.domain.form import ConclusionForm
from conclusions.domain.policies import SigningMode

__all__ = [
    "Attached",
    "Conclusion",
    "Due",
    "Failed",
    "Progress",
    "Published",
    "Signed",
    "Signing",
    "Unknown",
    "Waiting",
    "as_due",
    "evolve",
]


@dataclass(frozen=True, slots=True)
class Unknown:
    """No consultation was completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Being written. `preview` was printed from this very draft."""

    case: ConclusionCase
    signing: SigningMode
    draft: ConclusionForm | None = None
    preview: Document | None = None
    last_read: UUID | None = None
    """The last reading that was recorded."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing was done to sign it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    attempt: int
    reason: SigningFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    signed_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The patient has it."""

    signed_sha256: str


Progress = Waiting | Signing | Failed | Signed | Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """Has its one document, which is another one only if this one can never be signed. `draft` as it was then."""

    case: ConclusionCase
    signing: SigningMode
    document: Document
    uploaded: bool
    progress: Progress
    signature: Signature | None = None
    draft: ConclusionForm | None = None
    last_read: UUID | None = None


Conclusion = Unknown | Due | Attached


def as_due(state: Due | Attached) -> Due | None:
    """What can be written on: also in place of a document that can never be signed (CON-11); None for all others."""
    match state:
        case Due():
            return state
        case Attached(progress=Failed(reason=SigningFailure.DOCUMENT_UNSIGNABLE)):
            return Due(
                case=state.case,
                signing=state.signing,
                draft=state.draft,
                last_read=state.last_read,
            )
        case Attached():
            return None
        case _:
            assert_never(state)


def evolve(state: Conclusion, event: ConclusionEvent) -> Conclusion:
    match event:
        case ConclusionOpened():
            return Due(case=event.case, signing=event.signing)
        case ConclusionDraftSaved():
            return _due(state, draft=event.draft, preview=None)
        case ConclusionDocumentGenerated():
            return _due(state, preview=event.document)
        case ConclusionPreviewDiscarded():
            return _due(state, preview=None)
        case ConclusionAttached():
            return _attached(state, event.document, uploaded=False)
        case ConclusionUploaded():
            return _attached(state, event.document, uploaded=True)
        case SignatureRequested():
            return _progressed(state, Signing(attempt=event.attempt))
        case ConclusionSigned():
            signed = Signed(signed_sha256=event.signature.signed_sha256)
            return _progressed(state, signed, signature=event.signature)
        case ConclusionSigningFailed():
            return _progressed(state, Failed(attempt=event.attempt, reason=event.reason))
        case ConclusionPublished():
            return _progressed(state, Published(signed_sha256=event.signed_sha256))
        case ConclusionDocumentViewed() | ConclusionDocumentDownloaded():
            return state if isinstance(state, Unknown) else replace(state, last_read=event.read_id)
        case _:
            assert_never(event)


def _due(state: Conclusion, **changes: object) -> Conclusion:
    due = None if isinstance(state, Unknown) else as_due(state)
    return state if due is None else replace(due, **changes)  # type: ignore[arg-type]  # field names stand in the callers above


def _attached(state: Conclusion, document: Document, *, uploaded: bool) -> Conclusion:
    if isinstance(state, Unknown):
        return state
    return Attached(
        case=state.case,
        signing=state.signing,
        draft=state.draft,
        last_read=state.last_read,
        document=document,
        uploaded=uploaded,
        progress=Waiting(),
    )


def _progressed(
    state: Conclusion, progress: Progress, *, signature: Signature | None = None
) -> Conclusion:
    if not isinstance(state, Attached):
        return state
    return replace(state, progress=progress, signature=signature or state.signature)

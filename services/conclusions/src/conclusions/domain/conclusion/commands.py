"""Wishes about a conclusion. `author` is the clinician who wishes it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from conclusions.domain.conclusion.events import (
    ConclusionCase,
    Document,
    Signature,
    SigningFailure,
)
from conclusions.domain.form import ConclusionForm
from conclusions.domain.policies import SigningMode
from vocabulary.ids import ClinicianId

__all__ = [
    "AttachConclusion",
    "ConclusionCommand",
    "DiscardPreview",
    "FailSignature",
    "GenerateConclusionDocument",
    "OpenConclusion",
    "PublishConclusion",
    "RecordDownload",
    "RecordSignature",
    "RecordView",
    "RequestAutomaticSignature",
    "RequestSignature",
    "RetrySignature",
    "SaveDraft",
    "UploadConclusion",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConclusion:
    case: ConclusionCase
    signing: SigningMode


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveDraft:
    author: ClinicianId
    draft: ConclusionForm


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConclusionDocument:
    """`draft` is what `document` was printed from."""

    author: ClinicianId
    draft: ConclusionForm
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardPreview:
    author: ClinicianId


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachConclusion:
    """The document that the doctor has seen."""

    author: ClinicianId
    document_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadConclusion:
    author: ClinicianId
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAutomaticSignature:
    """By the policy AUTO, once the document is attached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignature:
    """By the doctor: in the mode MANUAL, or after a failure."""

    author: ClinicianId


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySignature:
    """By the clock, after the failure of `attempt`."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSignature:
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class FailSignature:
    attempt: int
    reason: SigningFailure
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishConclusion:
    """Once it is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """Medical data were shown; repeats of one reading have one id."""

    read_id: UUID
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDownload:
    read_id: UUID
    sha256: str


ConclusionCommand = (
    OpenConclusion
    | SaveDraft
    | GenerateConclusionDocument
    | DiscardPreview
    | AttachConclusion
    | UploadConclusion
    | RequestAutomaticSignature
    | RequestSignature
    | RetrySignature
    | RecordSignature
    | FailSignature
    | PublishConclusion
    | RecordView
    | RecordDownload
)

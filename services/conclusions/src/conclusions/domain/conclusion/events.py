"""Facts of a conclusion. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from conclusions.domain.certificate import Certificate
from conclusions.domain.form import ConclusionForm
from conclusions.domain.policies import SigningMode
from vocabulary.ids import (
    AppointmentId,
    ClinicianId,
    ConclusionId,
    ConsultationId,
    PatientId,
)
from vocabulary.zone import ZoneId

__all__ = [
    "STORED_NAMES",
    "ConclusionAttached",
    "ConclusionCase",
    "ConclusionDocumentDownloaded",
    "ConclusionDocumentGenerated",
    "ConclusionDocumentViewed",
    "ConclusionDraftSaved",
    "ConclusionEvent",
    "ConclusionOpened",
    "ConclusionPreviewDiscarded",
    "ConclusionPublished",
    "ConclusionSigned",
    "ConclusionSigningFailed",
    "ConclusionUploaded",
    "Document",
    "Signature",
    "SignatureRequested",
    "SigningFailure",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionCase:
    """Whose conclusion of which consultation it is; the clinician is its author."""

    conclusion_id: ConclusionId
    consultation_id: ConsultationId
    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId
    accepted_at: datetime
    completed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A PDF in the file store, by the hash of its bytes, and what its card says."""

    document_id: UUID
    sha256: str
    size: int
    made_at: datetime
    doctor_name: str
    specialty: str
    appointment_at: datetime
    zone: ZoneId


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What is kept of a signature (CON-27).

    The first `document_size` bytes of the signed file are the document as it was attached, so both hashes can be
    checked from the one stored file. `cms_base64` is the detached signature (RFC 5652). `evidence_sha256` names the
    stored file with the roots that were trusted and the revocation lists that were asked, in PEM.
    """

    document_sha256: str
    document_size: int
    signed_sha256: str
    signed_size: int
    algorithm: str
    certificate: Certificate
    signed_at: datetime
    timestamped_at: datetime | None
    cms_base64: str
    evidence_sha256: str | None = None


class SigningFailure(StrEnum):
    """Why a signature could not be made."""

    AUTHORITY_UNAVAILABLE = "AUTHORITY_UNAVAILABLE"
    CERTIFICATE_NOT_ISSUED = "CERTIFICATE_NOT_ISSUED"
    CERTIFICATE_REFUSED = "CERTIFICATE_REFUSED"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    TIMESTAMP_UNAVAILABLE = "TIMESTAMP_UNAVAILABLE"
    DOCUMENT_UNSIGNABLE = "DOCUMENT_UNSIGNABLE"
    SUBJECT_ERASED = "SUBJECT_ERASED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionOpened:
    """The consultation is completed and a conclusion is due. `signing` holds for it to the end (OPS-15)."""

    case: ConclusionCase
    signing: SigningMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionDraftSaved:
    draft: ConclusionForm


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionDocumentGenerated:
    """The draft was printed for the doctor to look at; nobody else sees it (CON-06)."""

    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionPreviewDiscarded:
    document_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionAttached:
    """The doctor took the previewed document as the conclusion."""

    case: ConclusionCase
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionUploaded:
    """The doctor gave a file as the conclusion (CON-11)."""

    case: ConclusionCase
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRequested:
    """The document is to be signed. `attempt` counts from 1 over the life of the document."""

    case: ConclusionCase
    document: Document
    uploaded: bool
    attempt: int
    by: SigningMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionSigned:
    case: ConclusionCase
    document_id: UUID
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionSigningFailed:
    """Tried again by itself at `retry_at`; without one the doctor has to ask."""

    case: ConclusionCase
    document_id: UUID
    attempt: int
    reason: SigningFailure
    retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionPublished:
    """The patient has it in the medcard (CON-29)."""

    case: ConclusionCase
    document_id: UUID
    signed_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionDocumentViewed:
    """Somebody looked at the document; who, is in the metadata."""

    read_id: UUID
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionDocumentDownloaded:
    """Somebody took a copy of the document away; who, is in the metadata."""

    read_id: UUID
    sha256: str


ConclusionEvent = (
    ConclusionOpened
    | ConclusionDraftSaved
    | ConclusionDocumentGenerated
    | ConclusionPreviewDiscarded
    | ConclusionAttached
    | ConclusionUploaded
    | SignatureRequested
    | ConclusionSigned
    | ConclusionSigningFailed
    | ConclusionPublished
    | ConclusionDocumentViewed
    | ConclusionDocumentDownloaded
)

STORED_NAMES: dict[type[ConclusionEvent], str] = {
    ConclusionOpened: "ConclusionOpened.v1",
    ConclusionDraftSaved: "ConclusionDraftSaved.v1",
    ConclusionDocumentGenerated: "ConclusionDocumentGenerated.v1",
    ConclusionPreviewDiscarded: "ConclusionPreviewDiscarded.v1",
    ConclusionAttached: "ConclusionAttached.v1",
    ConclusionUploaded: "ConclusionUploaded.v1",
    SignatureRequested: "SignatureRequested.v1",
    ConclusionSigned: "ConclusionSigned.v1",
    ConclusionSigningFailed: "ConclusionSigningFailed.v1",
    ConclusionPublished: "ConclusionPublished.v1",
    ConclusionDocumentViewed: "ConclusionDocumentViewed.v1",
    ConclusionDocumentDownloaded: "ConclusionDocumentDownloaded.v1",
}

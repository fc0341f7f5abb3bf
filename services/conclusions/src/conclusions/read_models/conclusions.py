"""Every conclusion as its author and its patient see it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, assert_never
from uuid import UUID

from conclusions.domain.certificate import Certificate
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
    Document,
    SignatureRequested,
    SigningFailure,
)
from conclusions.domain.form import ConclusionForm
from conclusions.domain.policies import SigningMode
from read_models import Fact, Queries, View
from vocabulary.ids import (
    AppointmentId,
    ClinicianId,
    ConclusionId,
    ConsultationId,
    PatientId,
)

__all__ = [
    "VIEW",
    "ConclusionRow",
    "FailureRow",
    "SignatureRow",
    "Status",
    "find",
    "of_consultation",
    "published",
]


Written: TypeAlias = (
    ConclusionDraftSaved
    | ConclusionDocumentGenerated
    | ConclusionPreviewDiscarded
    | ConclusionAttached
    | ConclusionUploaded
)
SignedEvent: TypeAlias = (
    SignatureRequested | ConclusionSigningFailed | ConclusionSigned | ConclusionPublished
)


class Status(StrEnum):
    """The states of the requirements' catalogue."""

    DRAFT = "DRAFT"
    GENERATED = "GENERATED"
    ATTACHED = "ATTACHED"
    SIGNING = "SIGNING"
    SIGN_FAILED = "SIGN_FAILED"
    SIGNED = "SIGNED"
    PUBLISHED = "PUBLISHED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRow:
    """What the card says of the signature; its bytes are in the event and in the file."""

    sha256: str
    size: int
    certificate: Certificate
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    attempt: int
    reason: SigningFailure
    retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionRow:
    tenant: str
    consultation_id: ConsultationId
    conclusion_id: ConclusionId
    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId
    completed_at: datetime
    signing: SigningMode
    status: Status
    revision: int
    """Of the stream: what `If-Match` is compared with."""
    draft: ConclusionForm | None = None
    preview: Document | None = None
    document: Document | None = None
    uploaded: bool = False
    signature: SignatureRow | None = None
    failure: FailureRow | None = None
    published_at: datetime | None = None


def project(row: ConclusionRow | None, event: ConclusionEvent, fact: Fact) -> ConclusionRow | None:
    if isinstance(event, ConclusionOpened):
        case = event.case
        return ConclusionRow(
            tenant=fact.tenant,
            consultation_id=case.consultation_id,
            conclusion_id=case.conclusion_id,
            appointment_id=case.appointment_id,
            patient_id=case.patient_id,
            clinician_id=case.clinician_id,
            completed_at=case.completed_at,
            signing=event.signing,
            status=Status.DRAFT,
            revision=fact.revision,
        )
    if row is None:
        return None
    match event:
        case ConclusionDocumentViewed() | ConclusionDocumentDownloaded():
            changes = {}
        case (
            ConclusionDraftSaved()
            | ConclusionDocumentGenerated()
            | ConclusionPreviewDiscarded()
            | ConclusionAttached()
            | ConclusionUploaded()
        ):
            changes = _written(event)
        case _:
            changes = _signed(event, fact)
    return replace(row, revision=fact.revision, **changes)


def _written(event: Written) -> dict[str, Any]:
    """A document that could not be signed, and why, are gone with the first step to another one."""
    unwritten = {"document": None, "uploaded": False, "failure": None}
    match event:
        case ConclusionDraftSaved():
            draft = event.draft
            return {**unwritten, "draft": draft, "preview": None, "status": Status.DRAFT}
        case ConclusionDocumentGenerated():
            return {**unwritten, "preview": event.document, "status": Status.GENERATED}
        case ConclusionPreviewDiscarded():
            return {"preview": None, "status": Status.DRAFT}
        case ConclusionAttached() | ConclusionUploaded():
            return {
                "preview": None,
                "failure": None,
                "document": event.document,
                "uploaded": isinstance(event, ConclusionUploaded),
                "status": Status.ATTACHED,
            }
        case _:
            assert_never(event)


def _signed(event: SignedEvent, fact: Fact) -> dict[str, Any]:
    match event:
        case SignatureRequested():
            return {"failure": None, "status": Status.SIGNING}
        case ConclusionSigningFailed():
            failure = FailureRow(
                attempt=event.attempt, reason=event.reason, retry_at=event.retry_at
            )
            return {"failure": failure, "status": Status.SIGN_FAILED}
        case ConclusionSigned():
            signature = SignatureRow(
                sha256=event.signature.signed_sha256,
                size=event.signature.signed_size,
                certificate=event.signature.certificate,
                signed_at=event.signature.signed_at,
            )
            return {"failure": None, "signature": signature, "status": Status.SIGNED}
        case ConclusionPublished():
            return {"published_at": fact.time, "status": Status.PUBLISHED}
        case _:
            assert_never(event)


def _key(_event: object, fact: Fact) -> list[tuple[str, UUID]]:
    return [(fact.tenant, UUID(fact.stream_key))]


VIEW = View(
    name="conclusions",
    version=2,
    row=ConclusionRow,
    key=("tenant", "consultation_id"),
    indexes=(
        ("tenant", "conclusion_id"),
        ("tenant", "patient_id", "completed_at", "consultation_id"),
    ),
    events={
        ConclusionOpened: _key,
        ConclusionDraftSaved: _key,
        ConclusionDocumentGenerated: _key,
        ConclusionPreviewDiscarded: _key,
        ConclusionAttached: _key,
        ConclusionUploaded: _key,
        SignatureRequested: _key,
        ConclusionSigned: _key,
        ConclusionSigningFailed: _key,
        ConclusionPublished: _key,
        ConclusionDocumentViewed: _key,
        ConclusionDocumentDownloaded: _key,
    },
    project=project,
)


async def of_consultation(
    db: Queries, tenant: str, consultation_id: ConsultationId
) -> ConclusionRow | None:
    return await db.one(VIEW, tenant=tenant, consultation_id=consultation_id)


async def find(db: Queries, tenant: str, conclusion_id: ConclusionId) -> ConclusionRow | None:
    return await db.one(VIEW, tenant=tenant, conclusion_id=conclusion_id)


async def published(
    db: Queries,
    tenant: str,
    patient_id: PatientId,
    *,
    before: tuple[datetime, ConsultationId] | None,
    limit: int,
) -> list[ConclusionRow]:
    """The patient's conclusions behind the place of the last one shown, the latest consultation first."""
    where = "tenant = $1 AND patient_id = $2 AND status = 'PUBLISHED'"
    if before is not None:
        where += " AND (completed_at, consultation_id) < ($3, $4)"
    return await db.all(
        VIEW,
        where,
        tenant,
        patient_id,
        *(before or ()),
        order=("completed_at", "consultation_id"),
        descending=True,
        limit=limit,
    )

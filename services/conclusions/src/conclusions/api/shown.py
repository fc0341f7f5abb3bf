"""How conclusions look from outside."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from conclusions.domain.certificate import Certificate
from conclusions.domain.conclusion.events import Document, SigningFailure
from conclusions.domain.policies import SigningMode
from conclusions.read_models.conclusions import ConclusionRow, FailureRow, Status
from service_kit.texts import zone_label
from vocabulary.zone import utc_to_local

__all__ = ["AppointmentOut", "CardOut", "CertificateOut", "DocumentOut", "StatusOut"]


class DocumentOut(BaseModel):
    """A PDF document; `sha256` is the hash of its bytes."""

    document_id: UUID
    sha256: str
    size: int = Field(description="Bytes")
    made_at: datetime

    @classmethod
    def of(cls, document: Document) -> "DocumentOut":
        return cls(
            document_id=document.document_id,
            sha256=document.sha256,
            size=document.size,
            made_at=document.made_at,
        )


class CertificateOut(BaseModel):
    """The certificate that signed (CON-26)."""

    serial: str
    issuer: str
    owner: str
    valid_from: datetime
    valid_to: datetime

    @classmethod
    def of(cls, certificate: Certificate) -> "CertificateOut":
        return cls(
            serial=certificate.serial,
            issuer=certificate.issuer,
            owner=certificate.owner,
            valid_from=certificate.valid_from,
            valid_to=certificate.valid_to,
        )


class FailureOut(BaseModel):
    """Why it is not signed. Without `retry_at` it is not tried again by itself."""

    reason: SigningFailure
    attempt: int
    retry_at: datetime | None

    @classmethod
    def of(cls, failure: FailureRow) -> "FailureOut":
        return cls(reason=failure.reason, attempt=failure.attempt, retry_at=failure.retry_at)


class StatusOut(BaseModel):
    """The conclusion of a consultation, for its author."""

    conclusion_id: UUID
    consultation_id: UUID
    appointment_id: UUID
    completed_at: datetime
    signing: SigningMode
    status: Status
    preview: DocumentOut | None
    document: DocumentOut | None
    failure: FailureOut | None
    signed_at: datetime | None
    published_at: datetime | None

    @classmethod
    def of(cls, row: ConclusionRow) -> "StatusOut":
        return cls(
            conclusion_id=row.conclusion_id,
            consultation_id=row.consultation_id,
            appointment_id=row.appointment_id,
            completed_at=row.completed_at,
            signing=row.signing,
            status=row.status,
            preview=DocumentOut.of(row.preview) if row.preview else None,
            document=DocumentOut.of(row.document) if row.document else None,
            failure=FailureOut.of(row.failure) if row.failure else None,
            signed_at=row.signature.signed_at if row.signature else None,
            published_at=row.published_at,
        )


class AppointmentOut(BaseModel):
    """When the patient was seen, in the branch's zone."""

    appointment_id: UUID
    starts_at: datetime
    zone: str
    zone_label: str


class CardOut(BaseModel):
    """The card of a signed conclusion (CON-45); the file is under `document_url`."""

    conclusion_id: UUID
    consultation_id: UUID
    appointment: AppointmentOut
    doctor_name: str
    specialty: str
    signed_at: datetime
    published_at: datetime | None
    certificate: CertificateOut
    sha256: str
    size: int = Field(description="Bytes")
    document_url: str

    @classmethod
    def of(cls, row: ConclusionRow) -> "CardOut":
        document, signature = row.document, row.signature
        if document is None or signature is None:
            raise ValueError("an unsigned conclusion has no card")
        return cls(
            conclusion_id=row.conclusion_id,
            consultation_id=row.consultation_id,
            appointment=AppointmentOut(
                appointment_id=row.appointment_id,
                starts_at=utc_to_local(document.appointment_at, document.zone),
                zone=document.zone,
                zone_label=zone_label(document.appointment_at, document.zone),
            ),
            doctor_name=document.doctor_name,
            specialty=document.specialty,
            signed_at=signature.signed_at,
            published_at=row.published_at,
            certificate=CertificateOut.of(signature.certificate),
            sha256=signature.sha256,
            size=signature.size,
            document_url=f"/api/v1/conclusions/{row.conclusion_id}/document",
        )

"""What conclusions tells: a document was signed and published. No medical text leaves the service."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from contracts.fact import PublicEvent

__all__ = ["FACTS", "ConclusionPublished", "ConclusionSigned", "ConclusionSigningFailed"]


class ConclusionFact(PublicEvent):
    """A conclusion of a consultation."""

    conclusion_id: UUID
    consultation_id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID


class ConclusionSigned(ConclusionFact):
    """The doctor's signature is on the document."""

    document_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    certificate_serial: str
    signed_at: datetime


class ConclusionSigningFailed(ConclusionFact):
    """The signature could not be made; it will be tried again."""

    reason: str = Field(description="A code, such as CERTIFICATE_EXPIRED")


class ConclusionPublished(ConclusionFact):
    """The patient can read and download the signed document."""

    document_sha256: str = Field(pattern="^[0-9a-f]{64}$")


FACTS = (ConclusionSigned, ConclusionSigningFailed, ConclusionPublished)

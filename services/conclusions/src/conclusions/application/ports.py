"""What conclusions needs from outside, in its own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from conclusions.domain.certificate import Certificate
from conclusions.domain.conclusion.events import Signature
from conclusions.domain.form import FIELD_KEYS
from service_kit.texts import Language
from vocabulary.ids import ClinicianId, TenantId

__all__ = [
    "AUTHORITY",
    "CertificateAuthority",
    "CertificateNotIssued",
    "CertificateRefused",
    "DocumentPrinter",
    "DocumentSigner",
    "DocumentUnsignable",
    "IssuedCertificate",
    "Outcome",
    "PrintedConclusion",
    "Refusal",
    "SignedFile",
    "SigningCredential",
    "SigningKeys",
    "TimestampUnavailable",
    "VerifiedSignature",
]


# Printing


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedConclusion:
    """Everything that stands on the paper, in the clear."""

    document_id: UUID
    created_at: datetime
    organisation_name: str
    organisation_logo: bytes | None = field(default=None, repr=False)
    patient_name: str = field(repr=False)
    patient_age_years: int = field(repr=False)
    certificate_number: str | None = field(default=None, repr=False)
    programme_name: str | None = None
    appointment_at: datetime
    time_zone: str
    reason_for_visit: str = field(default="", repr=False)
    fields: Mapping[str, str] = field(repr=False)
    doctor_name: str
    doctor_specialty: str

    def __post_init__(self) -> None:
        if unknown := set(self.fields) - set(FIELD_KEYS):
            raise ValueError(f"unknown fields: {sorted(unknown)}")
        if self.created_at.tzinfo is None or self.appointment_at.tzinfo is None:
            raise ValueError("instants must be aware")


class DocumentPrinter(Protocol):
    async def print(self, conclusion: PrintedConclusion, language: Language) -> bytes:
        """The document as PDF; equal input gives equal bytes."""
        ...


# Certificates

AUTHORITY: Final = "certificate-authority"
"""What logs, health and `Unavailable.what` call the certificate authority."""


class Refusal(StrEnum):
    """Why a certificate may not sign."""

    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    REVOKED = "REVOKED"
    UNTRUSTED = "UNTRUSTED"
    KEY_MISMATCH = "KEY_MISMATCH"
    UNREADABLE = "UNREADABLE"


class CertificateRefused(Exception):
    """The certificate may not sign a document at this moment."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class CertificateNotIssued(Exception):
    """The authority refuses to issue the certificate."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the certificate authority answered {status}")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningCredential:
    """A doctor's certificate with the certificates above it and the private key, all in PEM."""

    certificate_pem: bytes
    chain_pem: bytes
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    certificate: Certificate
    credential: SigningCredential


class CertificateAuthority(Protocol):
    """Every method raises `service_kit.errors.Unavailable` when the authority does not answer."""

    async def issue(self, *, common_name: str) -> IssuedCertificate:
        """A new key with its certificate; asking again is harmless. Raises `CertificateNotIssued`."""
        ...

    async def trust_roots(self) -> bytes:
        """The certificates that a verifier has to trust, PEM."""
        ...

    async def revocation_lists(self) -> Sequence[bytes]:
        """What is revoked now, DER or PEM."""
        ...


class SigningKeys(Protocol):
    """Private keys at rest, wrapped; they are in no event."""

    async def keep(
        self, tenant: TenantId, clinician_id: ClinicianId, issued: IssuedCertificate
    ) -> None: ...

    async def find(
        self, tenant: TenantId, clinician_id: ClinicianId, serial: str
    ) -> SigningCredential:
        """Raises `privacy.errors.KeyUnavailable` when there is none, or the wrapping key does not fit."""
        ...


# Signing


class DocumentUnsignable(Exception):
    """The bytes are no PDF that can be signed: damaged, encrypted, or already signed."""


class TimestampUnavailable(Exception):
    """The time-stamp authority did not answer as it should; signing again later may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """`evidence` is what a verifier needs beside the file: PEM, named by the signature's `evidence_sha256`."""

    content: bytes = field(repr=False)
    evidence: bytes = field(repr=False)
    signature: Signature


class Outcome(StrEnum):
    """What verifying a document came to."""

    VALID = "VALID"
    UNSIGNED = "UNSIGNED"
    MODIFIED = "MODIFIED"
    UNTRUSTED = "UNTRUSTED"
    EXPIRED_AT_SIGNING = "EXPIRED_AT_SIGNING"
    REVOKED_AT_SIGNING = "REVOKED_AT_SIGNING"
    NO_EVIDENCE = "NO_EVIDENCE"
    """Signed before the evidence was kept, or it is lost."""
    LOST = "LOST"
    """The signed file is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSignature:
    """`roots` are the SHA-256 fingerprints of what was trusted, to be compared with what the authority publishes."""

    outcome: Outcome
    signed_at: datetime | None = None
    timestamped: bool = False
    roots: Sequence[str] = ()


class DocumentSigner(Protocol):
    async def check(self, document: bytes) -> None:
        """Whether a document from elsewhere can be signed, on a page of its own. Raises `DocumentUnsignable`."""
        ...

    async def sign(
        self,
        document: bytes,
        credential: SigningCredential,
        *,
        at: datetime,
        language: Language,
        own_page: bool,
    ) -> SignedFile:
        """Signs exactly these bytes and adds the visible mark: on a page of its own, or where our paper leaves room.

        Raises `CertificateRefused`, `DocumentUnsignable`, `TimestampUnavailable`, `Unavailable`.
        """
        ...

    async def verify(
        self, document: bytes, *, evidence: bytes, signed_sha256: str
    ) -> VerifiedSignature:
        """Judges a signed file from what was kept with it alone: no clock, no network."""
        ...

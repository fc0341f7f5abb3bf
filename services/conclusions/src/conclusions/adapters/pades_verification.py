"""Verifies a signed PDF from stored data alone, the same way today and in ten years (CON-27)."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import cast

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from conclusions.adapters.certificates import (
    CertificateDetails,
    describe_certificate,
    read_certificates,
    revoked_at,
)
from conclusions.application.ports import Outcome

__all__ = ["Outcome", "Verification", "timestamp_of", "trust_at", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """An outcome with what is known about the signature. `signed_at` is the authority's time when
    the document bears a trusted time-stamp, and the signer's own claim otherwise."""

    outcome: Outcome
    certificate: CertificateDetails | None = None
    signed_at: datetime | None = None
    timestamped: bool = False


async def verify(
    document: bytes,
    *,
    trust_roots_pem: bytes,
    revocation_lists: Sequence[bytes] = (),
    expected_sha256: str | None = None,
) -> Verification:
    """Reads neither the clock nor the network: certificates are judged as of the signing time.
    With the `signed_sha256` of the signature record as `expected_sha256` even a change that a
    signature does not cover, such as the letter case of its hex digits, is found."""
    return await asyncio.to_thread(
        lambda: asyncio.run(_verify(document, trust_roots_pem, revocation_lists, expected_sha256))
    )


def trust_at(
    moment: datetime, roots: Sequence[x509.Certificate], others: Sequence[x509.Certificate] = ()
) -> ValidationContext:
    """Trust in the roots as of a moment, without fetching anything. Revocation is looked at apart
    (`certificates.revoked_at`), because pyHanko passes over a list that is stale."""
    return ValidationContext(
        trust_roots=_for_pyhanko(roots),
        other_certs=_for_pyhanko(others),
        moment=moment,
        best_signature_time=moment,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


async def _verify(
    document: bytes,
    trust_roots_pem: bytes,
    revocation_lists: Sequence[bytes],
    expected_sha256: str | None,
) -> Verification:
    if expected_sha256 not in {None, hashlib.sha256(document).hexdigest()}:
        return Verification(outcome=Outcome.MODIFIED)
    roots = read_certificates(trust_roots_pem)
    try:
        signatures = PdfFileReader(BytesIO(document), strict=False).embedded_regular_signatures
        if not signatures:
            return Verification(outcome=Outcome.UNSIGNED)
        return await _judge(signatures[-1], roots, revocation_lists)
    # What these parsers raise on damaged bytes was found by flipping each byte of a document.
    except (PdfError, ValueError, LookupError, TypeError, AttributeError, AssertionError):
        return Verification(outcome=Outcome.MODIFIED)


async def _judge(
    embedded: EmbeddedPdfSignature,
    roots: Sequence[x509.Certificate],
    revocation_lists: Sequence[bytes],
) -> Verification:
    certificate = _from_pyhanko(embedded.signer_cert)
    chain = [_from_pyhanko(other) for other in embedded.other_embedded_certs]
    details = describe_certificate(certificate)
    claimed = embedded.self_reported_timestamp
    stamped = timestamp_of(embedded)
    if claimed is None:
        return Verification(outcome=Outcome.MODIFIED, certificate=details)
    status = await async_validate_pdf_signature(
        embedded,
        signer_validation_context=trust_at(stamped or claimed, roots, chain),
        ts_validation_context=trust_at(stamped or claimed, roots),
        skip_diff=True,
    )
    timestamped = status.timestamp_validity is not None and status.timestamp_validity.trusted
    if stamped is not None and not timestamped:
        # Nobody vouches for the token's time, so only the signer's own claim is left.
        status = await async_validate_pdf_signature(
            embedded,
            signer_validation_context=trust_at(claimed, roots, chain),
            ts_validation_context=trust_at(claimed, roots),
            skip_diff=True,
        )
    signed_at = stamped if stamped is not None and timestamped else claimed
    revoked = revoked_at(signed_at, [certificate, *chain, *roots], revocation_lists)
    return Verification(
        outcome=_outcome(status, details, signed_at, revoked=revoked),
        certificate=details,
        signed_at=signed_at,
        timestamped=timestamped,
    )


def _outcome(
    status: PdfSignatureStatus, details: CertificateDetails, signed_at: datetime, *, revoked: bool
) -> Outcome:
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    if not (status.intact and status.valid and whole):
        return Outcome.MODIFIED
    if details.refusal_at(signed_at) is not None:
        return Outcome.EXPIRED_AT_SIGNING
    if revoked:
        return Outcome.REVOKED_AT_SIGNING
    return Outcome.VALID if status.trusted else Outcome.UNTRUSTED


def timestamp_of(embedded: EmbeddedPdfSignature) -> datetime | None:
    """The time in the signature's time-stamp token, believed or not."""
    for token in extract_tst_data_iter(embedded.signer_info, signed=False):
        return cast("datetime", token["encap_content_info"]["content"].parsed["gen_time"].native)
    return None


def _for_pyhanko(certificates: Sequence[x509.Certificate]) -> list[asn1_x509.Certificate]:
    return [
        loaded
        for certificate in certificates
        for loaded in load_certs_from_pemder_data(certificate.public_bytes(Encoding.PEM))
    ]


def _from_pyhanko(certificate: asn1_x509.Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.dump())

"""Signs documents with what the certificate authority says is to be trusted and is revoked."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from conclusions.adapters.certificates import read_certificates, read_revocation_list
from conclusions.adapters.pades_signer import (
    PadesSigner,
    SignatureRecord,
    StampPlacement,
)
from conclusions.adapters.pades_verification import verify
from conclusions.application.ports import (
    CertificateAuthority,
    SignedFile,
    SigningCredential,
    VerifiedSignature,
)
from conclusions.domain.certificate import Certificate
from conclusions.domain.conclusion.events import Signature
from service_kit.texts import Language, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class PadesDocumentSigner:
    """PAdES B-T with a time-stamp authority, B-B without."""

    authority: CertificateAuthority
    texts: Texts
    timestamp_url: str | None

    async def check(self, document: bytes) -> None:
        """See `DocumentSigner`."""
        signer = PadesSigner(trust_roots_pem=b"", texts=self.texts.catalogue("ru"))
        await signer.rehearse(document, placement=StampPlacement.OWN_PAGE)

    async def sign(
        self,
        document: bytes,
        credential: SigningCredential,
        *,
        at: datetime,
        language: Language,
        own_page: bool,
    ) -> SignedFile:
        """See `DocumentSigner`."""
        roots = await self.authority.trust_roots()
        revocation_lists = await self.authority.revocation_lists()
        signer = PadesSigner(
            trust_roots_pem=roots,
            texts=self.texts.catalogue(language),
            timestamp_url=self.timestamp_url,
        )
        signed = await signer.sign(
            document,
            credential,
            at=at,
            placement=StampPlacement.OWN_PAGE if own_page else StampPlacement.CLOSING,
            revocation_lists=revocation_lists,
        )
        evidence = _evidence(roots, revocation_lists)
        return SignedFile(
            content=signed.content,
            evidence=evidence,
            signature=_signature(signed.record, len(signed.content), evidence),
        )

    async def verify(
        self, document: bytes, *, evidence: bytes, signed_sha256: str
    ) -> VerifiedSignature:
        """See `DocumentSigner`."""
        roots = b"".join(_ROOT.findall(evidence))
        found = await verify(
            document,
            trust_roots_pem=roots,
            revocation_lists=_REVOCATIONS.findall(evidence),
            expected_sha256=signed_sha256,
        )
        return VerifiedSignature(
            outcome=found.outcome,
            signed_at=found.signed_at,
            timestamped=found.timestamped,
            roots=[root.fingerprint(hashes.SHA256()).hex() for root in read_certificates(roots)],
        )


_ROOT: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)
_REVOCATIONS: Final = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n", re.DOTALL)


def _evidence(roots_pem: bytes, revocation_lists: Sequence[bytes]) -> bytes:
    """Equal roots and lists give equal bytes."""
    kept: list[x509.Certificate | x509.CertificateRevocationList] = [
        *read_certificates(roots_pem),
        *map(read_revocation_list, revocation_lists),
    ]
    return b"".join(each.public_bytes(Encoding.PEM) for each in kept)


def _signature(record: SignatureRecord, size: int, evidence: bytes) -> Signature:
    details = record.certificate
    return Signature(
        document_sha256=record.document_sha256,
        document_size=record.document_size,
        signed_sha256=record.signed_sha256,
        signed_size=size,
        algorithm=record.algorithm,
        certificate=Certificate(
            serial=details.serial,
            issuer=details.issuer,
            owner=details.owner,
            valid_from=details.valid_from,
            valid_to=details.valid_to,
        ),
        signed_at=record.signed_at,
        timestamped_at=record.timestamped_at,
        cms_base64=record.cms_base64,
        evidence_sha256=hashlib.sha256(evidence).hexdigest(),
    )

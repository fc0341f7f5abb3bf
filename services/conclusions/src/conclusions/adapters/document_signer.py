"""Signs documents with what the certificate authority says is to be trusted and is revoked."""

from dataclasses import dataclass
from datetime import datetime

from conclusions.adapters.pades_signer import (
    PadesSigner,
    SignatureRecord,
    StampPlacement,
)
from conclusions.application.ports import CertificateAuthority, SignedFile, SigningCredential
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
        signer = PadesSigner(
            trust_roots_pem=await self.authority.trust_roots(),
            texts=self.texts.catalogue(language),
            timestamp_url=self.timestamp_url,
        )
        signed = await signer.sign(
            document,
            credential,
            at=at,
            placement=StampPlacement.OWN_PAGE if own_page else StampPlacement.CLOSING,
            revocation_lists=await self.authority.revocation_lists(),
        )
        return SignedFile(
            content=signed.content, signature=_signature(signed.record, len(signed.content))
        )


def _signature(record: SignatureRecord, size: int) -> Signature:
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
    )

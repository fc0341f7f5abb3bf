"""Has documents signed: finds the doctor's certificate, or obtains one, and keeps the signed file (CON-24, CON-27)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from conclusions.application.documents import ConclusionHandler, Documents, language_of
from conclusions.application.ports import (
    AUTHORITY,
    CertificateAuthority,
    CertificateNotIssued,
    CertificateRefused,
    DocumentSigner,
    DocumentUnsignable,
    Outcome,
    Refusal,
    SignedFile,
    SigningCredential,
    SigningKeys,
    TimestampUnavailable,
    VerifiedSignature,
)
from conclusions.domain.conclusion.commands import FailSignature, RecordSignature
from conclusions.domain.conclusion.decider import expect_attached
from conclusions.domain.conclusion.events import SignatureRequested, SigningFailure
from conclusions.domain.conclusion.state import Attached, Signing
from conclusions.domain.signing_certificate.commands import (
    RegisterCertificate,
    RevokeCertificate,
    SigningCertificateCommand,
)
from conclusions.domain.signing_certificate.events import SigningCertificateEvent
from conclusions.domain.signing_certificate.state import SigningCertificate, usable_at
from event_store import CommandHandler
from file_store import FileMissing
from messaging import Cause, Dispatch
from privacy.errors import SealBroken, SubjectErased
from service_kit.errors import Unavailable
from vocabulary.ids import ConsultationId, TenantId

__all__ = ["SigningDesk"]

CertificateHandler: TypeAlias = CommandHandler[
    SigningCertificateCommand, SigningCertificate, SigningCertificateEvent
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningDesk:
    """What a repeated request finds signed, or given up, is left as it is."""

    conclusions: ConclusionHandler
    certificates: CertificateHandler
    documents: Documents
    signer: DocumentSigner
    authority: CertificateAuthority
    keys: SigningKeys

    async def sign(self, request: SignatureRequested, cause: Cause) -> Sequence[Dispatch]:
        tenant, key = TenantId(cause.tenant), request.case.consultation_id
        state, _ = await self.conclusions.load(tenant=tenant, key=key)
        match state:
            case Attached(document=document, progress=Signing(attempt=attempt)) if (
                document.document_id,
                attempt,
            ) == (request.document.document_id, request.attempt):
                pass
            case _:
                return []
        try:
            signed = await self._signed(tenant, request, cause)
        except CertificateRefused as refused:
            return await self._refused(request, refused, cause)
        except Unavailable as away:
            if away.what != AUTHORITY:
                raise
            return [_failed(request, SigningFailure.AUTHORITY_UNAVAILABLE, cause)]
        except tuple(FAILURES) as failure:
            return [_failed(request, FAILURES[type(failure)], cause)]
        command = RecordSignature(signature=signed.signature)
        return [Dispatch(to="conclusions", key=key, command=command)]

    async def verify(self, tenant: TenantId, consultation_id: ConsultationId) -> VerifiedSignature:
        """Whether the kept file still bears the signature of the recorded fact; from what is stored alone (CON-27).

        The fact is read from its stream, not from a view that is made of it.
        """
        state, _ = await self.conclusions.load(tenant=tenant, key=consultation_id)
        attached = expect_attached(state)
        if attached.signature is None:
            return VerifiedSignature(outcome=Outcome.UNSIGNED)
        record, case = attached.signature, attached.case
        if record.evidence_sha256 is None:
            return VerifiedSignature(outcome=Outcome.NO_EVIDENCE)
        try:
            content = await self.documents.read(tenant, case, record.signed_sha256)
        except FileMissing:
            return VerifiedSignature(outcome=Outcome.LOST)
        except SealBroken:
            return VerifiedSignature(outcome=Outcome.MODIFIED)
        try:
            evidence = await self.documents.read(tenant, case, record.evidence_sha256)
        except (FileMissing, SealBroken):
            return VerifiedSignature(outcome=Outcome.NO_EVIDENCE)
        document = content[: record.document_size]
        if hashlib.sha256(document).hexdigest() != record.document_sha256:
            return VerifiedSignature(outcome=Outcome.MODIFIED)
        return await self.signer.verify(
            content, evidence=evidence, signed_sha256=record.signed_sha256
        )

    async def _signed(
        self, tenant: TenantId, request: SignatureRequested, cause: Cause
    ) -> SignedFile:
        """The file is stored before the fact is: who finds the fact finds the file."""
        case, documents = request.case, self.documents
        content = await documents.read(tenant, case, request.document.sha256)
        signed = await self.signer.sign(
            content,
            await self._credential(tenant, request, cause),
            at=cause.now,
            language=language_of(await documents.copies.organisation(tenant)),
            own_page=request.uploaded,
        )
        await documents.keep_evidence(tenant, case, signed.evidence)
        await documents.keep(tenant, case, signed.content)
        return signed

    async def _credential(
        self, tenant: TenantId, request: SignatureRequested, cause: Cause
    ) -> SigningCredential:
        """The key is kept before the certificate is a fact; of two that came at once the first fact counts."""
        clinician_id = request.case.clinician_id
        state, _ = await self.certificates.load(tenant=tenant, key=clinician_id)
        usable = usable_at(state, cause.now)
        if usable is None:
            clinician = await self.documents.copies.clinician(tenant, request.case)
            issued = await self.authority.issue(common_name=clinician.name.full)
            await self.keys.keep(tenant, clinician_id, issued)
            handled = await self.certificates.handle(
                RegisterCertificate(
                    clinician_id=clinician_id, certificate=issued.certificate, now=cause.now
                ),
                key=clinician_id,
                context=cause.command("certificate"),
            )
            usable = usable_at(handled.state, cause.now) or issued.certificate
        return await self.keys.find(tenant, clinician_id, usable.serial)

    async def _refused(
        self, request: SignatureRequested, refused: CertificateRefused, cause: Cause
    ) -> Sequence[Dispatch]:
        """A revoked certificate is given up, so that the next try gets a new one."""
        if refused.refusal is not Refusal.REVOKED:
            return [_failed(request, SigningFailure.CERTIFICATE_REFUSED, cause)]
        clinician_id = request.case.clinician_id
        state, _ = await self.certificates.load(tenant=cause.tenant, key=clinician_id)
        failed = _failed(request, SigningFailure.CERTIFICATE_REVOKED, cause)
        usable = usable_at(state, cause.now)
        if usable is None:
            return [failed]
        revoke = RevokeCertificate(serial=usable.serial)
        return [Dispatch(to="certificates", key=clinician_id, command=revoke), failed]


FAILURES: dict[type[Exception], SigningFailure] = {
    CertificateNotIssued: SigningFailure.CERTIFICATE_NOT_ISSUED,
    TimestampUnavailable: SigningFailure.TIMESTAMP_UNAVAILABLE,
    DocumentUnsignable: SigningFailure.DOCUMENT_UNSIGNABLE,
    SubjectErased: SigningFailure.SUBJECT_ERASED,
}


def _failed(request: SignatureRequested, reason: SigningFailure, cause: Cause) -> Dispatch:
    command = FailSignature(attempt=request.attempt, reason=reason, now=cause.now)
    return Dispatch(to="conclusions", key=request.case.consultation_id, command=command)

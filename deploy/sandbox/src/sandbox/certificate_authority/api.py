"""The routes of the certificate authority."""

import base64
from typing import Annotated, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sandbox.certificate_authority.authority import Authority, Issued, serial_text
from sandbox.certificate_authority.certificates import Doctor, Identity, key_pem, pem
from sandbox.certificate_authority.timestamps import TimestampService
from sandbox.web import page

router = APIRouter()

Json = dict[str, object]


def authority_of(request: Request) -> Authority:
    authority: Authority = request.app.state.authority
    return authority


AuthorityDep = Annotated[Authority, Depends(authority_of)]


class Application(BaseModel):
    """Whom a certificate is for; with a passphrase the answer also holds a PKCS#12 file."""

    model_config = ConfigDict(extra="forbid")

    common_name: Annotated[str, Field(min_length=1, max_length=64)]
    snils: Annotated[str, Field(pattern=r"^\d{3}-?\d{3}-?\d{3}[ -]?\d{2}$")] | None = None
    organisation: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    pkcs12_passphrase: Annotated[SecretStr, Field(min_length=1)] | None = None


class Revoking(BaseModel):
    """Why a certificate is no longer good."""

    reason: Literal[
        "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"
    ] = "unspecified"


@router.get("/", include_in_schema=False)
def show_overview(authority: AuthorityDep) -> HTMLResponse:
    return page(
        "authority.html",
        authority=authority,
        issued=[_shown(issued) for issued in authority.issued()],
    )


@router.post("/certificates", status_code=201)
def issue_certificate(authority: AuthorityDep, body: Application) -> Json:
    """Make a key and a signing certificate of a doctor. The key is handed out once."""
    doctor = Doctor(common_name=body.common_name, snils=body.snils, organisation=body.organisation)
    identity = authority.issue(doctor)
    answer = _shown(Issued(certificate=identity.certificate, revocation=None)) | {
        "chain_pem": pem(authority.issuing.certificate) + pem(authority.root.certificate),
        "private_key_pem": key_pem(identity.key),
    }
    if body.pkcs12_passphrase is not None:
        packed = _pack(authority, identity, body.pkcs12_passphrase.get_secret_value())
        answer["pkcs12_base64"] = base64.b64encode(packed).decode()
    return answer


@router.get("/certificates")
def list_certificates(authority: AuthorityDep) -> Json:
    """All issued certificates, newest first."""
    return {"items": [_shown(issued) for issued in authority.issued()]}


@router.get("/certificates/{serial}")
def show_certificate(authority: AuthorityDep, serial: str) -> Json:
    """One certificate and whether it is revoked."""
    return _shown(_known(authority.find(serial)))


@router.post("/certificates/{serial}/revocation")
def revoke_certificate(authority: AuthorityDep, serial: str, body: Revoking | None = None) -> Json:
    """Put a certificate on the revocation list; a second time changes nothing."""
    reason = x509.ReasonFlags((body or Revoking()).reason)
    return _shown(_known(authority.revoke(serial, reason)))


@router.get("/crl")
def download_revocation_list(authority: AuthorityDep) -> Response:
    """The revocation list of the issuing authority, DER."""
    return Response(authority.revocation_list(), media_type="application/pkix-crl")


@router.get("/root.crl")
def download_root_revocation_list(authority: AuthorityDep) -> Response:
    """The (empty) revocation list of the root, DER."""
    return Response(authority.root_revocation_list(), media_type="application/pkix-crl")


@router.get("/root.pem")
def download_root(authority: AuthorityDep) -> Response:
    """The certificate that a verifier has to trust."""
    return _pem_file(authority.root)


@router.get("/issuing.pem")
def download_issuing(authority: AuthorityDep) -> Response:
    """The certificate between the root and the doctors."""
    return _pem_file(authority.issuing)


@router.post("/tsa")
async def stamp_time(request: Request) -> Response:
    """A time-stamp token of RFC 3161 over HTTP."""
    if request.headers.get("content-type") != "application/timestamp-query":
        raise HTTPException(415, "Expected application/timestamp-query")
    service: TimestampService = request.app.state.timestamps
    answer = await service.answer(await request.body())
    return Response(answer, media_type="application/timestamp-reply")


def _pack(authority: Authority, identity: Identity, passphrase: str) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        name=None,
        key=identity.key,
        cert=identity.certificate,
        cas=[authority.issuing.certificate, authority.root.certificate],
        encryption_algorithm=BestAvailableEncryption(passphrase.encode()),
    )


def _known(issued: Issued | None) -> Issued:
    if issued is None:
        raise HTTPException(404, "No such certificate")
    return issued


def _pem_file(identity: Identity) -> Response:
    return Response(pem(identity.certificate), media_type="application/x-pem-file")


def _shown(issued: Issued) -> Json:
    certificate = issued.certificate
    shown: Json = {
        "serial": serial_text(certificate),
        "subject": certificate.subject.rfc4514_string(),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "certificate_pem": pem(certificate),
        "revoked_at": None,
        "revocation_reason": None,
    }
    if issued.revocation is not None:
        shown["revoked_at"] = issued.revocation.revoked_at.isoformat()
        shown["revocation_reason"] = issued.revocation.reason.value
    return shown

"""Certificates of doctors: who owns one, when it holds, and whether it may sign (CON-25)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from conclusions.application.ports import CertificateRefused, Refusal, SigningCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDetails:
    """What the stamp and the signature record say about a certificate."""

    serial: str
    issuer: str
    owner: str = field(repr=False)
    valid_from: datetime
    valid_to: datetime

    def refusal_at(self, moment: datetime) -> Refusal | None:
        if moment < self.valid_from:
            return Refusal.NOT_YET_VALID
        if moment > self.valid_to:
            return Refusal.EXPIRED
        return None


def describe_certificate(certificate: x509.Certificate) -> CertificateDetails:
    return CertificateDetails(
        serial=f"{certificate.serial_number:X}",
        issuer=certificate.issuer.rfc4514_string(),
        owner=_owner(certificate.subject),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
    )


def read_certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CertificateRefused(Refusal.UNREADABLE) from error


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem) if pem.strip() else []
    except ValueError as error:
        raise CertificateRefused(Refusal.UNREADABLE) from error


def check_key(credential: SigningCredential) -> None:
    try:
        key = load_pem_private_key(credential.key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateRefused(Refusal.UNREADABLE) from error
    if key.public_key() != read_certificate(credential.certificate_pem).public_key():
        raise CertificateRefused(Refusal.KEY_MISMATCH)


def revoked_at(
    moment: datetime,
    certificates: Sequence[x509.Certificate],
    revocation_lists: Iterable[bytes],
) -> bool:
    """Whether any of the certificates stood revoked at the moment. A list counts when the issuer,
    who must be among the certificates, signed it; also a stale one, since a revocation is not
    taken back by age."""
    lists = [read_revocation_list(encoded) for encoded in revocation_lists]
    return any(
        entry is not None and entry.revocation_date_utc <= moment
        for certificate in certificates
        for revocation_list in lists
        if revocation_list.issuer == certificate.issuer
        and _is_signed_by_any(revocation_list, certificate.issuer, certificates)
        for entry in [
            revocation_list.get_revoked_certificate_by_serial_number(certificate.serial_number)
        ]
    )


def _is_signed_by_any(
    revocation_list: x509.CertificateRevocationList,
    issuer: x509.Name,
    certificates: Sequence[x509.Certificate],
) -> bool:
    return any(
        _is_signed_by(revocation_list, candidate)
        for candidate in certificates
        if candidate.subject == issuer
    )


def _is_signed_by(
    revocation_list: x509.CertificateRevocationList, issuer: x509.Certificate
) -> bool:
    key = cast("CertificateIssuerPublicKeyTypes", issuer.public_key())
    try:
        return revocation_list.is_signature_valid(key)
    except (InvalidSignature, TypeError, UnsupportedAlgorithm):
        return False


def read_revocation_list(encoded: bytes) -> x509.CertificateRevocationList:
    if encoded.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_crl(encoded)
    return x509.load_der_x509_crl(encoded)


def _owner(subject: x509.Name) -> str:
    # A qualified certificate of an employee names the employer in CN and the person in SN and GN.
    person = [
        str(attribute.value)
        for oid in (NameOID.SURNAME, NameOID.GIVEN_NAME)
        for attribute in subject.get_attributes_for_oid(oid)
    ]
    if len(person) == 2:
        return " ".join(person)
    common_names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common_names[0].value) if common_names else subject.rfc4514_string()

"""How the certificates of the sandbox are made: root, issuing, time-stamping, doctors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey

ROOT_LIFE = timedelta(days=20 * 365)
ISSUING_LIFE = timedelta(days=10 * 365)
TIMESTAMPING_LIFE = timedelta(days=10 * 365)
# The usual life of a Russian qualified certificate.
DOCTOR_LIFE = timedelta(days=15 * 30)
# The clock of a demo runs days ahead of the one that a verifier on the same machine uses.
BACKDATED = timedelta(days=90)
LIST_LIFE = timedelta(days=1)
COMMON_NAME_OCTETS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Whom a signing certificate is for."""

    common_name: str
    snils: str | None = None
    organisation: str | None = None


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def make_root(now: datetime) -> Identity:
    key = new_key()
    name = _name("Kabinet Sandbox Root CA")
    builder = _builder(name, name, key.public_key(), now, ROOT_LIFE, issuer_key=key.public_key())
    certificate = _as_authority(builder, path_length=1).sign(key, hashes.SHA256())
    return Identity(certificate=certificate, key=key)


def make_issuing(root: Identity, now: datetime, *, list_url: str) -> Identity:
    key = new_key()
    builder = _issued_by(
        root, _name("Kabinet Sandbox Issuing CA"), key, now, ISSUING_LIFE, list_url
    )
    certificate = _as_authority(builder, path_length=0).sign(root.key, hashes.SHA256())
    return Identity(certificate=certificate, key=key)


def make_timestamping(issuing: Identity, now: datetime, *, list_url: str) -> Identity:
    """RFC 3161, 2.3: the only purpose, and critical."""
    key = new_key()
    builder = _issued_by(
        issuing, _name("Kabinet Sandbox TSA"), key, now, TIMESTAMPING_LIFE, list_url
    )
    certificate = (
        _as_signer(builder)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(issuing.key, hashes.SHA256())
    )
    return Identity(certificate=certificate, key=key)


def make_doctor(issuing: Identity, doctor: Doctor, now: datetime, *, list_url: str) -> Identity:
    key = new_key()
    attributes = _person(doctor.common_name)
    if doctor.organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, doctor.organisation))
    if doctor.snils:
        attributes.append(x509.NameAttribute(NameOID.SNILS, re.sub(r"\D", "", doctor.snils)))
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "RU"), *attributes])
    builder = _issued_by(issuing, subject, key, now, DOCTOR_LIFE, list_url)
    certificate = _as_signer(builder).sign(issuing.key, hashes.SHA256())
    return Identity(certificate=certificate, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    serial: int
    revoked_at: datetime
    reason: x509.ReasonFlags


def make_revocation_list(
    issuer: Identity, revocations: Sequence[Revocation], number: int, now: datetime
) -> x509.CertificateRevocationList:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now)
        .next_update(now + LIST_LIFE)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(authority, critical=False)
    )
    for revocation in revocations:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(revocation.serial)
            .revocation_date(revocation.revoked_at)
            .add_extension(x509.CRLReason(revocation.reason), critical=False)
            .build()
        )
    return builder.sign(issuer.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "RU"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _person(name: str) -> list[x509.NameAttribute[str]]:
    """A person as qualified certificates name one: surname and given names whole, the common name
    as far as it goes. X.520 allows it 64 characters, but common tools count 64 octets, and a
    Cyrillic letter has two."""
    surname, _, given_names = name.partition(" ")
    common_name = name.encode()[:COMMON_NAME_OCTETS].decode(errors="ignore").rstrip()
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        x509.NameAttribute(NameOID.SURNAME, surname),
    ]
    if given_names:
        attributes.append(x509.NameAttribute(NameOID.GIVEN_NAME, given_names))
    return attributes


def _issued_by(
    issuer: Identity, subject: x509.Name, key: Key, now: datetime, life: timedelta, list_url: str
) -> x509.CertificateBuilder:
    point = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(list_url)],
        relative_name=None,
        reasons=None,
        crl_issuer=None,
    )
    return _builder(
        subject,
        issuer.certificate.subject,
        key.public_key(),
        now,
        life,
        issuer_key=issuer.key.public_key(),
    ).add_extension(x509.CRLDistributionPoints([point]), critical=False)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
    *,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _as_authority(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(certificates=True), critical=True)


def _as_signer(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    ).add_extension(_usage(certificates=False), critical=True)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

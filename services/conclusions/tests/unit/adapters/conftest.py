"""A private certificate authority and sample documents for the tests here."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import conclusions
from conclusions.application.ports import PrintedConclusion, SigningCredential

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
OWNER = "Петров Пётр Петрович"

SAMPLE = PrintedConclusion(
    document_id=UUID("0193a1b2-7c3d-7e4f-8a5b-123456789abc"),
    created_at=NOON,
    organisation_name="ООО «Клиника дистанционной медицины»",
    patient_name="Иванова Екатерина Александровна",
    patient_age_years=41,
    certificate_number="ДМС-2026-004417",
    programme_name="Забота о здоровье",
    appointment_at=datetime(2026, 11, 21, 10, 30, tzinfo=UTC),
    time_zone="Europe/Moscow",
    reason_for_visit="Кашель третий день.",
    fields={
        "complaints": "Кашель сухой, температура 38,4 °C.",
        "recommendations": "Обильное питьё, домашний режим.",
    },
    doctor_name=OWNER,
    doctor_specialty="Врач-терапевт",
)


def load_texts(language: str) -> dict[str, str]:
    file = Path(conclusions.__file__).parent / "texts" / f"{language}.toml"
    sections = tomllib.loads(file.read_text())
    return {
        f"{section}.{key}": text
        for section, entries in sections.items()
        for key, text in entries.items()
    }


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    return load_texts("ru")


@pytest.fixture(scope="session")
def english() -> dict[str, str]:
    return load_texts("en")


@pytest.fixture(scope="session")
def conclusion() -> PrintedConclusion:
    return SAMPLE


@dataclass(frozen=True)
class Authority:
    """A root that issues certificates and revocation lists."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def root_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        *,
        valid_from: datetime = NOON - YEAR,
        valid_to: datetime = NOON + YEAR,
        owner: str = OWNER,
        for_timestamps: bool = False,
    ) -> SigningCredential:
        # pyHanko's time-stamp authority for tests signs with RSA alone.
        key = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if for_timestamps
            else ec.generate_private_key(ec.SECP256R1())
        )
        surname, _, given_name = owner.partition(" ")
        names = [
            x509.NameAttribute(NameOID.COMMON_NAME, "Клиника"),
            x509.NameAttribute(NameOID.SURNAME, surname),
            x509.NameAttribute(NameOID.GIVEN_NAME, given_name),
        ]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(names))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid_from)
            .not_valid_after(valid_to)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_documents=True), critical=True)
        )
        if for_timestamps:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(usage, critical=True)
        certificate = builder.sign(self.key, hashes.SHA256())
        return SigningCredential(
            certificate_pem=certificate.public_bytes(Encoding.PEM),
            chain_pem=self.root_pem,
            key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    def revoke(self, credential: SigningCredential, at: datetime) -> bytes:
        serial = x509.load_pem_x509_certificate(credential.certificate_pem).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + timedelta(hours=1))
            .add_revoked_certificate(entry)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_authority(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - 10 * YEAR)
        .not_valid_after(NOON + 50 * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs_documents=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(key=key, certificate=certificate)


def _key_usage(*, signs_documents: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs_documents,
        content_commitment=signs_documents,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs_documents,
        crl_sign=not signs_documents,
        encipher_only=False,
        decipher_only=False,
    )


@pytest.fixture(scope="session")
def authority() -> Authority:
    return make_authority("Test root")


@pytest.fixture(scope="session")
def other_authority() -> Authority:
    # The same name, so that only the key can tell the two apart.
    return make_authority("Test root")

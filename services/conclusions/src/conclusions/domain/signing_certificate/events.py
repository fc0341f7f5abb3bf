"""Facts of a clinician's signing certificate. Their names and fields are stored for ever."""

from dataclasses import dataclass

from conclusions.domain.certificate import Certificate
from vocabulary.ids import ClinicianId

__all__ = [
    "STORED_NAMES",
    "CertificateRegistered",
    "CertificateRevoked",
    "SigningCertificateEvent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRegistered:
    """The clinician signs with this one from now on."""

    clinician_id: ClinicianId
    certificate: Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRevoked:
    """Its authority has revoked it: nothing is signed with it any more."""

    clinician_id: ClinicianId
    serial: str


SigningCertificateEvent = CertificateRegistered | CertificateRevoked

STORED_NAMES: dict[type[SigningCertificateEvent], str] = {
    CertificateRegistered: "CertificateRegistered.v1",
    CertificateRevoked: "CertificateRevoked.v1",
}

"""What is remembered of a clinician's certificates: the one that may still sign."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from conclusions.domain.certificate import Certificate
from conclusions.domain.signing_certificate.events import (
    CertificateRegistered,
    CertificateRevoked,
    SigningCertificateEvent,
)
from vocabulary.ids import ClinicianId

__all__ = ["Holder", "SigningCertificate", "evolve", "usable_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A clinician with the last certificate; None: it is revoked."""

    clinician_id: ClinicianId
    certificate: Certificate | None


SigningCertificate = Holder | None


def usable_at(state: SigningCertificate, moment: datetime) -> Certificate | None:
    """The certificate to sign with at a moment, if there is one."""
    if state is None or state.certificate is None or not state.certificate.holds_at(moment):
        return None
    return state.certificate


def evolve(state: SigningCertificate, event: SigningCertificateEvent) -> SigningCertificate:
    match event:
        case CertificateRegistered():
            return Holder(clinician_id=event.clinician_id, certificate=event.certificate)
        case CertificateRevoked():
            return Holder(clinician_id=event.clinician_id, certificate=None)
        case _:
            assert_never(event)

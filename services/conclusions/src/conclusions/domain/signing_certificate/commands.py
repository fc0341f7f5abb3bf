"""Wishes about a clinician's signing certificate."""

from dataclasses import dataclass
from datetime import datetime

from conclusions.domain.certificate import Certificate
from vocabulary.ids import ClinicianId

__all__ = ["RegisterCertificate", "RevokeCertificate", "SigningCertificateCommand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCertificate:
    clinician_id: ClinicianId
    certificate: Certificate
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeCertificate:
    serial: str


SigningCertificateCommand = RegisterCertificate | RevokeCertificate

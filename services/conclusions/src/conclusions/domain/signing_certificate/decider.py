"""A clinician has one usable certificate at a time: the first of several that come at once stays."""

from collections.abc import Sequence
from typing import assert_never

from conclusions.domain.signing_certificate.commands import (
    RegisterCertificate,
    RevokeCertificate,
    SigningCertificateCommand,
)
from conclusions.domain.signing_certificate.events import (
    CertificateRegistered,
    CertificateRevoked,
    SigningCertificateEvent,
)
from conclusions.domain.signing_certificate.state import SigningCertificate, evolve, usable_at
from decider import Decider

__all__ = ["SIGNING_CERTIFICATE", "decide"]


def decide(
    command: SigningCertificateCommand, state: SigningCertificate
) -> Sequence[SigningCertificateEvent]:
    match command:
        case RegisterCertificate():
            return register(command, state)
        case RevokeCertificate():
            return revoke(command, state)
        case _:
            assert_never(command)


def register(
    command: RegisterCertificate, state: SigningCertificate
) -> Sequence[CertificateRegistered]:
    """Also of a certificate that cannot sign now: then the signer says so, and the next one is issued."""
    if usable_at(state, command.now) is not None:
        return []
    if state is not None and state.certificate == command.certificate:
        return []
    return [
        CertificateRegistered(clinician_id=command.clinician_id, certificate=command.certificate)
    ]


def revoke(command: RevokeCertificate, state: SigningCertificate) -> Sequence[CertificateRevoked]:
    if state is None or state.certificate is None or state.certificate.serial != command.serial:
        return []
    return [CertificateRevoked(clinician_id=state.clinician_id, serial=command.serial)]


SIGNING_CERTIFICATE: Decider[
    SigningCertificateCommand, SigningCertificate, SigningCertificateEvent
] = Decider(initial=None, decide=decide, evolve=evolve)

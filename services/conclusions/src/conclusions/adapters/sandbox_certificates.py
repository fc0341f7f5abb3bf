"""Obtains doctors' certificates from the sandbox certificate authority over HTTP."""

from collections.abc import Sequence

import httpx
import msgspec

from conclusions.adapters.certificates import describe_certificate, read_certificate
from conclusions.application.ports import (
    AUTHORITY,
    CertificateNotIssued,
    CertificateRefused,
    IssuedCertificate,
    SigningCredential,
)
from conclusions.domain.certificate import Certificate
from service_kit.errors import Unavailable
from service_kit.http import ProviderClient


class _Issued(msgspec.Struct, frozen=True):
    certificate_pem: str
    chain_pem: str
    private_key_pem: str


class SandboxCertificateAuthority:
    """Repeating a request is harmless: it issues another certificate, and the unused one signs nothing."""

    def __init__(self, provider: ProviderClient) -> None:
        self._provider = provider
        self._roots: bytes | None = None

    async def issue(self, *, common_name: str) -> IssuedCertificate:
        """See `CertificateAuthority`."""
        answer = await self._provider.request(
            "POST", "/certificates", json={"common_name": common_name}, idempotent=True
        )
        if answer.is_client_error:
            raise CertificateNotIssued(answer.status_code)
        try:
            issued = msgspec.json.decode(answer.content, type=_Issued)
            details = describe_certificate(read_certificate(issued.certificate_pem.encode()))
        except (msgspec.MsgspecError, CertificateRefused) as error:
            raise Unavailable(AUTHORITY) from error
        return IssuedCertificate(
            certificate=Certificate(
                serial=details.serial,
                issuer=details.issuer,
                owner=details.owner,
                valid_from=details.valid_from,
                valid_to=details.valid_to,
            ),
            credential=SigningCredential(
                certificate_pem=issued.certificate_pem.encode(),
                chain_pem=issued.chain_pem.encode(),
                key_pem=issued.private_key_pem.encode(),
            ),
        )

    async def trust_roots(self) -> bytes:
        """See `CertificateAuthority`; asked for once."""
        if self._roots is None:
            self._roots = (await self._fetch("/root.pem")).content
        return self._roots

    async def revocation_lists(self) -> Sequence[bytes]:
        """See `CertificateAuthority`."""
        return [(await self._fetch(path)).content for path in ("/crl", "/root.crl")]

    async def _fetch(self, path: str) -> httpx.Response:
        answer = await self._provider.request("GET", path)
        if not answer.is_success:
            raise Unavailable(AUTHORITY)
        return answer

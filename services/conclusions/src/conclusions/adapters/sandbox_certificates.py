"""Obtains doctors' certificates from the sandbox certificate authority over HTTP."""

import asyncio
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec

from conclusions.adapters.certificates import SigningCredential

ATTEMPTS: Final = 3
FIRST_PAUSE_SECONDS: Final = 0.2


class CertificateAuthorityUnavailable(Exception):
    """The authority does not answer, or not as agreed; asking again later may help."""


class CertificateNotIssued(Exception):
    """The authority refuses to issue the certificate."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the certificate authority answered {status}")
        self.status = status


class _Issued(msgspec.Struct, frozen=True):
    certificate_pem: str
    chain_pem: str
    private_key_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxCertificateAuthority:
    """`POST {address}/certificates`. Repeating a request is harmless: it issues another
    certificate, and the unused one signs nothing."""

    address: str
    client: httpx.AsyncClient
    timeout_seconds: float = 5.0
    first_pause_seconds: float = FIRST_PAUSE_SECONDS

    async def issue(self, *, common_name: str, snils: str | None = None) -> SigningCredential:
        answer = await self._ask({"common_name": common_name, "snils": snils})
        if answer.is_client_error:
            raise CertificateNotIssued(answer.status_code)
        try:
            issued = msgspec.json.decode(answer.content, type=_Issued)
        except msgspec.MsgspecError as error:
            raise CertificateAuthorityUnavailable("the answer is not a certificate") from error
        return SigningCredential(
            certificate_pem=issued.certificate_pem.encode(),
            chain_pem=issued.chain_pem.encode(),
            key_pem=issued.private_key_pem.encode(),
        )

    async def _ask(self, request: dict[str, str | None]) -> httpx.Response:
        url = f"{self.address.rstrip('/')}/certificates"
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self.first_pause_seconds * 2 ** (attempt - 1))
            try:
                answer = await self.client.post(url, json=request, timeout=self.timeout_seconds)
            except httpx.TransportError:
                continue
            if not answer.is_server_error:
                return answer
        raise CertificateAuthorityUnavailable("no answer from the certificate authority")

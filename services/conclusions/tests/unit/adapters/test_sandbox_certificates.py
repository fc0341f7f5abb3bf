"""The client of the sandbox certificate authority, against scripted answers and the sandbox."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from conclusions.adapters.certificates import SigningCredential
from conclusions.adapters.pades_signer import PadesSigner
from conclusions.adapters.pades_verification import Outcome, verify
from conclusions.adapters.pdf_document import PrintedConclusion, print_conclusion
from conclusions.adapters.sandbox_certificates import (
    CertificateAuthorityUnavailable,
    CertificateNotIssued,
    SandboxCertificateAuthority,
)
from sandbox.certificate_authority.bootstrap import build

ISSUED = {"certificate_pem": "leaf", "chain_pem": "root", "private_key_pem": "key"}


class Server:
    """Answers in turn with the listed responses and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, dict[str, str | None]]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((str(request.url), json.loads(request.content)))
        answer = self._answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


async def issue(server: Server) -> SigningCredential:
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
        authority = SandboxCertificateAuthority(
            address="http://ca.test/", client=client, first_pause_seconds=0
        )
        return await authority.issue(common_name="Петров Пётр Петрович", snils="11223344595")


async def test_a_certificate_is_asked_for_and_read() -> None:
    server = Server(httpx.Response(201, json=ISSUED))
    issued = await issue(server)
    assert issued == SigningCredential(certificate_pem=b"leaf", chain_pem=b"root", key_pem=b"key")
    assert server.asked == [
        (
            "http://ca.test/certificates",
            {"common_name": "Петров Пётр Петрович", "snils": "11223344595"},
        )
    ]


async def test_a_busy_or_unreachable_authority_is_asked_again() -> None:
    server = Server(
        httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=ISSUED)
    )
    assert (await issue(server)).key_pem == b"key"
    assert len(server.asked) == 3


async def test_after_three_failures_it_gives_up() -> None:
    server = Server(*[httpx.ReadTimeout("late")] * 3)
    with pytest.raises(CertificateAuthorityUnavailable):
        await issue(server)
    assert len(server.asked) == 3


async def test_a_refusal_is_final() -> None:
    server = Server(httpx.Response(422))
    with pytest.raises(CertificateNotIssued) as refused:
        await issue(server)
    assert refused.value.status == 422
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}"])
async def test_an_answer_that_is_no_certificate_is_not_taken_for_one(body: bytes) -> None:
    with pytest.raises(CertificateAuthorityUnavailable):
        await issue(Server(httpx.Response(200, content=body)))


def test_the_private_key_is_not_shown() -> None:
    credential = SigningCredential(certificate_pem=b"leaf", chain_pem=b"", key_pem=b"secret")
    assert "secret" not in repr(credential)


async def test_the_sandbox_issues_certificates_that_sign_until_it_revokes_them(
    tmp_path: Path, conclusion: PrintedConclusion, texts: dict[str, str]
) -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    sandbox = build(folder=tmp_path, clock=lambda: now, public_url="http://ca.test")
    transport = httpx.ASGITransport(app=sandbox)
    async with (
        sandbox.router.lifespan_context(sandbox),
        httpx.AsyncClient(transport=transport, base_url="http://ca.test") as client,
    ):
        authority = SandboxCertificateAuthority(address="http://ca.test", client=client)
        credential = await authority.issue(common_name="Петров Пётр Петрович")
        root = (await client.get("/root.pem")).content
        document = print_conclusion(conclusion, texts)
        signer = PadesSigner(trust_roots_pem=root, texts=texts)
        before = (await client.get("/crl")).content
        signed = await signer.sign(document, credential, at=now, revocation_lists=[before])
        assert signed.record.certificate.owner == "Петров Пётр Петрович"
        serial = f"{signed.record.certificate.serial:0>40}"
        (await client.post(f"/certificates/{serial}/revocation")).raise_for_status()
        after = (await client.get("/crl")).content
    for revocation_list, outcome in ((before, Outcome.VALID), (after, Outcome.REVOKED_AT_SIGNING)):
        verification = await verify(
            signed.content, trust_roots_pem=root, revocation_lists=[revocation_list]
        )
        assert verification.outcome is outcome

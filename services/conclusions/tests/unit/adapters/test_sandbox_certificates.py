"""The client of the sandbox certificate authority, against scripted answers and the sandbox."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from conclusions.adapters.certificates import describe_certificate, read_certificate
from conclusions.adapters.pades_signer import PadesSigner
from conclusions.adapters.pades_verification import Outcome, verify
from conclusions.adapters.pdf_document import print_conclusion
from conclusions.adapters.sandbox_certificates import SandboxCertificateAuthority
from conclusions.application.ports import (
    CertificateNotIssued,
    IssuedCertificate,
    PrintedConclusion,
    SigningCredential,
)
from sandbox.certificate_authority.bootstrap import build
from service_kit.errors import Unavailable
from service_kit.http import Patience, ProviderClient

NAME = "Петров Пётр Петрович"
QUICK = Patience(first_pause=0.0)


class Server:
    """Answers in turn with the listed responses and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, object]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content or "null")))
        answer = self._answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


@pytest.fixture(scope="module")
def issued(authority: object) -> dict[str, str]:
    credential: SigningCredential = authority.issue()  # type: ignore[attr-defined]  # of conftest
    return {
        "certificate_pem": credential.certificate_pem.decode(),
        "chain_pem": credential.chain_pem.decode(),
        "private_key_pem": credential.key_pem.decode(),
    }


async def issue(server: Server) -> IssuedCertificate:
    transport = httpx.MockTransport(server)
    async with ProviderClient.open(
        "ca", "http://ca.test", patience=QUICK, transport=transport
    ) as provider:
        return await SandboxCertificateAuthority(provider).issue(common_name=NAME)


async def test_a_certificate_is_asked_for_and_read(issued: dict[str, str]) -> None:
    server = Server(httpx.Response(201, json=issued))
    answer = await issue(server)
    assert answer.credential.key_pem.decode() == issued["private_key_pem"]
    details = describe_certificate(read_certificate(answer.credential.certificate_pem))
    assert (answer.certificate.serial, answer.certificate.owner) == (details.serial, NAME)
    assert answer.certificate.valid_to == details.valid_to
    assert server.asked == [("/certificates", {"common_name": NAME})]


async def test_a_busy_or_unreachable_authority_is_asked_again(issued: dict[str, str]) -> None:
    server = Server(
        httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=issued)
    )
    assert (await issue(server)).certificate.owner == NAME
    assert len(server.asked) == 3


async def test_after_three_failures_it_gives_up() -> None:
    server = Server(*[httpx.ReadTimeout("late")] * 3)
    with pytest.raises(Unavailable):
        await issue(server)
    assert len(server.asked) == 3


async def test_a_refusal_is_final() -> None:
    server = Server(httpx.Response(422))
    with pytest.raises(CertificateNotIssued) as refused:
        await issue(server)
    assert refused.value.status == 422
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"certificate_pem":"x","chain_pem":"","private_key_pem":""}']
)
async def test_an_answer_that_is_no_certificate_is_not_taken_for_one(body: bytes) -> None:
    with pytest.raises(Unavailable):
        await issue(Server(httpx.Response(200, content=body)))


async def test_roots_are_asked_for_once_and_lists_each_time() -> None:
    server = Server(*[httpx.Response(200, content=bytes([n])) for n in range(1, 6)])
    async with ProviderClient.open(
        "ca", "http://ca.test", patience=QUICK, transport=httpx.MockTransport(server)
    ) as provider:
        authority = SandboxCertificateAuthority(provider)
        assert [await authority.trust_roots() for _ in range(2)] == [b"\x01"] * 2
        assert await authority.revocation_lists() == [b"\x02", b"\x03"]
        assert await authority.revocation_lists() == [b"\x04", b"\x05"]
    assert [path for path, _ in server.asked] == ["/root.pem", *["/crl", "/root.crl"] * 2]


async def test_a_missing_list_is_not_taken_for_an_empty_one() -> None:
    async with ProviderClient.open(
        "ca",
        "http://ca.test",
        patience=QUICK,
        transport=httpx.MockTransport(Server(httpx.Response(404))),
    ) as provider:
        with pytest.raises(Unavailable):
            await SandboxCertificateAuthority(provider).revocation_lists()


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
        authority = SandboxCertificateAuthority(ProviderClient("ca", client, QUICK))
        credential = (await authority.issue(common_name=NAME)).credential
        root = await authority.trust_roots()
        document = print_conclusion(conclusion, texts)
        signer = PadesSigner(trust_roots_pem=root, texts=texts)
        before, _ = await authority.revocation_lists()
        signed = await signer.sign(document, credential, at=now, revocation_lists=[before])
        assert signed.record.certificate.owner == NAME
        serial = f"{signed.record.certificate.serial:0>40}"
        (await client.post(f"/certificates/{serial}/revocation")).raise_for_status()
        after, _ = await authority.revocation_lists()
    for revocation_list, outcome in ((before, Outcome.VALID), (after, Outcome.REVOKED_AT_SIGNING)):
        verification = await verify(
            signed.content, trust_roots_pem=root, revocation_lists=[revocation_list]
        )
        assert verification.outcome is outcome

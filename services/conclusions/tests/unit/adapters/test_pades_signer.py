"""Signatures on PDF documents, judged by ourselves and by poppler's pdfsig."""

import base64
import hashlib
import io
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from aiohttp import web
from asn1crypto import cms, tsp
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.timestamps import DummyTimeStamper
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject, TextStringObject

from conclusions.adapters.pades_signer import PadesSigner, StampPlacement
from conclusions.adapters.pades_verification import Outcome, verify
from conclusions.adapters.pdf_document import print_conclusion
from conclusions.application.ports import (
    CertificateRefused,
    DocumentUnsignable,
    PrintedConclusion,
    Refusal,
    SigningCredential,
    TimestampUnavailable,
)

NOON = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)

Tool = Callable[..., str]
Texts = dict[str, str]


class Authority(Protocol):
    @property
    def root_pem(self) -> bytes: ...

    def issue(
        self,
        *,
        valid_from: datetime = ...,
        valid_to: datetime = ...,
        owner: str = ...,
        for_timestamps: bool = ...,
    ) -> SigningCredential: ...

    def revoke(self, credential: SigningCredential, at: datetime) -> bytes: ...


@pytest.fixture(scope="module")
def document(conclusion: PrintedConclusion, texts: Texts) -> bytes:
    return print_conclusion(conclusion, texts)


@pytest.fixture(scope="module")
def credential(authority: Authority) -> SigningCredential:
    return authority.issue()


@pytest.fixture
def signer(authority: Authority, texts: Texts) -> PadesSigner:
    return PadesSigner(trust_roots_pem=authority.root_pem, texts=texts)


@pytest.mark.requirement("CON-26")
async def test_the_stamp_shows_certificate_owner_and_validity_beside_the_doctor(
    tool: Tool, signer: PadesSigner, document: bytes, credential: SigningCredential
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    printed = " ".join(tool("pdftotext", signed.content, "-layout", output="-").split())
    assert "ДОКУМЕНТ ПОДПИСАН ЭЛЕКТРОННОЙ ПОДПИСЬЮ" in printed
    assert f"Сертификат {signed.record.certificate.serial}" in printed
    assert "Владелец Петров Пётр Петрович" in printed
    assert "Действителен с 21.11.2025 по 21.11.2027" in printed
    assert len(PdfReader(io.BytesIO(signed.content)).pages) == 1


async def test_a_document_from_elsewhere_gets_its_stamp_on_a_page_of_its_own(
    tool: Tool, signer: PadesSigner, document: bytes, credential: SigningCredential
) -> None:
    signed = await signer.sign(document, credential, at=NOON, placement=StampPlacement.OWN_PAGE)
    pages = tool("pdftotext", signed.content, "-layout", output="-").rstrip("\f").split("\f")
    assert len(pages) == 2
    assert "ЭЛЕКТРОННОЙ ПОДПИСЬЮ" not in pages[0]
    assert "ЭЛЕКТРОННОЙ ПОДПИСЬЮ" in pages[1]
    assert "Signature is Valid." in tool("pdfsig", signed.content)


@pytest.mark.requirement("CON-27")
async def test_the_record_suffices_to_check_the_document_and_the_signature(
    signer: PadesSigner, document: bytes, credential: SigningCredential
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    record = signed.record
    assert signed.content[: record.document_size] == document
    assert record.document_sha256 == hashlib.sha256(document).hexdigest()
    assert record.signed_sha256 == hashlib.sha256(signed.content).hexdigest()
    assert record.algorithm == "sha256_ecdsa"
    assert record.certificate.owner == "Петров Пётр Петрович"
    assert record.certificate.issuer == "CN=Test root"
    assert (record.certificate.valid_from, record.certificate.valid_to) == (
        NOON - YEAR,
        NOON + YEAR,
    )
    assert (record.signed_at, record.timestamped_at) == (NOON, None)
    detached = base64.b64decode(record.cms_base64)
    assert detached.hex().encode() in signed.content.lower()
    [info] = cms.ContentInfo.load(detached, strict=True)["content"]["signer_infos"]
    assert f"{info['sid'].chosen['serial_number'].native:X}" == record.certificate.serial


@pytest.fixture
def trusting_store(authority: Authority, tmp_path: Path) -> str:
    """A certificate store of NSS that trusts the root."""
    store = tmp_path / "nss"
    store.mkdir()
    root = tmp_path / "root.pem"
    root.write_bytes(authority.root_pem)
    if shutil.which("certutil") is None:
        pytest.fail("certutil is missing: install the package libnss3-tools")
    place = f"sql:{store}"
    subprocess.run(["certutil", "-N", "-d", place, "--empty-password"], check=True)
    add = ["certutil", "-A", "-d", place, "-n", "root", "-t", "CT,CT,CT", "-i", str(root)]
    subprocess.run(add, check=True)
    return place


async def test_pdfsig_trusts_the_signature_when_it_trusts_the_root(
    tool: Tool, signer: PadesSigner, document: bytes, authority: Authority, trusting_store: str
) -> None:
    # pdfsig judges by the machine's clock, so this certificate outlives the test.
    long_lived = authority.issue(valid_to=NOON + 40 * YEAR)
    signed = await signer.sign(document, long_lived, at=NOON)
    report = tool("pdfsig", signed.content, "-nssdir", trusting_store)
    assert "Signature is Valid." in report
    assert "Certificate is Trusted." in report
    assert "ETSI.CAdES.detached" in report
    assert "Total document signed" in report


async def test_a_signed_document_verifies_with_its_signers_time(
    signer: PadesSigner, document: bytes, credential: SigningCredential, authority: Authority
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    verification = await verify(
        signed.content,
        trust_roots_pem=authority.root_pem,
        expected_sha256=signed.record.signed_sha256,
    )
    assert verification.outcome is Outcome.VALID
    assert verification.signed_at == NOON
    assert verification.certificate == signed.record.certificate
    assert not verification.timestamped


async def test_a_flipped_byte_is_seen_by_us_and_by_pdfsig(
    tool: Tool,
    signer: PadesSigner,
    document: bytes,
    credential: SigningCredential,
    authority: Authority,
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    # Inside the page's compressed text, where a flip leaves the file readable.
    place = document.index(b"stream") + 40
    forged = _flip(signed.content, place)
    verification = await verify(forged, trust_roots_pem=authority.root_pem)
    assert verification.outcome is Outcome.MODIFIED
    report = tool("pdfsig", forged)
    assert "Signature is Valid." not in report
    assert "Digest Mismatch" in report


async def test_no_flipped_byte_of_the_signed_ranges_verifies_or_crashes(
    signer: PadesSigner, document: bytes, credential: SigningCredential, authority: Authority
) -> None:
    signed = (await signer.sign(document, credential, at=NOON)).content
    contents = signed.index(b"/Contents <") + len(b"/Contents ")
    end = signed.index(b">", contents) + 1
    places = [*range(0, contents, 997), *range(end, len(signed), 29)]
    outcomes = {
        (await verify(_flip(signed, place), trust_roots_pem=authority.root_pem)).outcome
        for place in places
    }
    assert Outcome.MODIFIED in outcomes
    assert outcomes <= {Outcome.MODIFIED, Outcome.UNSIGNED}


async def test_the_stored_hash_shows_even_a_change_that_the_signature_does_not_cover(
    signer: PadesSigner, document: bytes, credential: SigningCredential, authority: Authority
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    padding = signed.content.index(b"0>", signed.content.index(b"/Contents <"))
    forged = signed.content[:padding] + b"1" + signed.content[padding + 1 :]
    verification = await verify(
        forged,
        trust_roots_pem=authority.root_pem,
        expected_sha256=signed.record.signed_sha256,
    )
    assert verification.outcome is Outcome.MODIFIED


async def test_pages_appended_after_signing_are_a_modification(
    signer: PadesSigner, document: bytes, credential: SigningCredential, authority: Authority
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    writer = IncrementalPdfFileWriter(io.BytesIO(signed.content))
    writer.root["/Pages"]["/Kids"][0]["/Rotate"] = writer.root["/Pages"]["/Count"]
    writer.update_container(writer.root["/Pages"]["/Kids"][0])
    forged = io.BytesIO()
    writer.write(forged)  # type: ignore[no-untyped-call]  # pyHanko's
    assert forged.getvalue().startswith(signed.content)
    verification = await verify(forged.getvalue(), trust_roots_pem=authority.root_pem)
    assert verification.outcome is Outcome.MODIFIED


async def test_an_unsigned_document_and_no_document_at_all(
    document: bytes, authority: Authority
) -> None:
    plain = await verify(document, trust_roots_pem=authority.root_pem)
    assert plain.outcome is Outcome.UNSIGNED
    nothing = await verify(b"", trust_roots_pem=authority.root_pem)
    assert nothing.outcome is Outcome.MODIFIED


async def test_a_signature_under_another_root_is_untrusted(
    signer: PadesSigner,
    document: bytes,
    credential: SigningCredential,
    other_authority: Authority,
) -> None:
    signed = await signer.sign(document, credential, at=NOON)
    verification = await verify(signed.content, trust_roots_pem=other_authority.root_pem)
    assert verification.outcome is Outcome.UNTRUSTED


@pytest.mark.requirement("CON-25")
@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        (NOON - YEAR - SECOND, Refusal.NOT_YET_VALID),
        (NOON - YEAR, None),
        (NOON + YEAR, None),
        (NOON + YEAR + SECOND, Refusal.EXPIRED),
    ],
)
async def test_a_certificate_signs_only_within_its_validity(
    signer: PadesSigner,
    document: bytes,
    credential: SigningCredential,
    at: datetime,
    refusal: Refusal | None,
) -> None:
    if refusal is None:
        assert (await signer.sign(document, credential, at=at)).record.signed_at == at
        return
    with pytest.raises(CertificateRefused) as refused:
        await signer.sign(document, credential, at=at)
    assert refused.value.refusal is refusal


@pytest.mark.requirement("CON-25")
@pytest.mark.parametrize("revoked_before", [timedelta(0), timedelta(days=30)])
async def test_a_revoked_certificate_is_refused_even_when_the_list_is_stale(
    signer: PadesSigner,
    document: bytes,
    credential: SigningCredential,
    authority: Authority,
    revoked_before: timedelta,
) -> None:
    crl = authority.revoke(credential, NOON - revoked_before)
    with pytest.raises(CertificateRefused) as refused:
        await signer.sign(document, credential, at=NOON, revocation_lists=[crl])
    assert refused.value.refusal is Refusal.REVOKED


async def test_a_revocation_counts_from_its_moment_and_only_under_the_issuers_hand(
    signer: PadesSigner,
    document: bytes,
    credential: SigningCredential,
    authority: Authority,
    other_authority: Authority,
) -> None:
    later = authority.revoke(credential, NOON + SECOND)
    forged = other_authority.revoke(credential, NOON - SECOND)
    signed = await signer.sign(document, credential, at=NOON, revocation_lists=[later, forged])
    for lists, outcome in (
        ([later, forged], Outcome.VALID),
        ([authority.revoke(credential, NOON)], Outcome.REVOKED_AT_SIGNING),
    ):
        verification = await verify(
            signed.content, trust_roots_pem=authority.root_pem, revocation_lists=lists
        )
        assert verification.outcome is outcome


@pytest.mark.requirement("CON-25")
async def test_foreign_certificates_and_keys_that_do_not_fit_are_refused(
    signer: PadesSigner,
    document: bytes,
    credential: SigningCredential,
    authority: Authority,
    other_authority: Authority,
) -> None:
    for bad, refusal in (
        (other_authority.issue(), Refusal.UNTRUSTED),
        (replace(credential, key_pem=authority.issue().key_pem), Refusal.KEY_MISMATCH),
        (replace(credential, key_pem=b"no key"), Refusal.UNREADABLE),
        (replace(credential, certificate_pem=b"no certificate"), Refusal.UNREADABLE),
    ):
        with pytest.raises(CertificateRefused) as refused:
            await signer.sign(document, bad, at=NOON)
        assert refused.value.refusal is refusal


async def test_damaged_encrypted_and_signed_documents_are_refused(
    signer: PadesSigner, document: bytes, credential: SigningCredential
) -> None:
    locked = PdfWriter(io.BytesIO(document))
    locked.encrypt("password", algorithm="AES-256")
    encrypted = io.BytesIO()
    locked.write(encrypted)
    signed = (await signer.sign(document, credential, at=NOON)).content
    for unsignable in (b"", b"%PDF-1.7\n", document[:2000], encrypted.getvalue(), signed):
        with pytest.raises(DocumentUnsignable):
            await signer.sign(unsignable, credential, at=NOON)


def damaged(change: str) -> bytes:
    """A document of two pages that can be parsed, with one thing wrong."""
    writer = PdfWriter()
    for _ in range(2):
        writer.add_blank_page(595, 842)
    root = writer._root_object
    match change:
        case "a form field has the signature's name":
            field = DictionaryObject(
                {
                    NameObject("/FT"): NameObject("/Tx"),
                    NameObject("/T"): TextStringObject("DoctorSignature"),
                }
            )
            fields = ArrayObject([writer._add_object(field)])
            root[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): fields})
        case "the form's fields are no objects":
            fields = ArrayObject([NullObject()])
            root[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): fields})
        case _:
            pass
    file = io.BytesIO()
    writer.write(file)
    replaced = {
        "more pages are counted than there are": (b"/Count 2", b"/Count 9"),
        "fewer than no pages are counted": (b"/Count 2", b"/Count -1"),
        "there are no pages": (b"/Kids", b"/Kidz"),
    }
    return file.getvalue().replace(*replaced.get(change, (b"", b"")))


@pytest.mark.requirement("CON-11", "CON-24")
@pytest.mark.parametrize(
    "change",
    [
        "more pages are counted than there are",
        "fewer than no pages are counted",
        "there are no pages",
        "a form field has the signature's name",
        "the form's fields are no objects",
    ],
)
async def test_what_cannot_be_signed_fails_the_rehearsal_too(
    signer: PadesSigner, credential: SigningCredential, change: str
) -> None:
    unsignable = damaged(change)
    with pytest.raises(DocumentUnsignable):
        await signer.rehearse(unsignable, placement=StampPlacement.OWN_PAGE)
    with pytest.raises(DocumentUnsignable):
        await signer.sign(unsignable, credential, at=NOON, placement=StampPlacement.OWN_PAGE)


async def test_what_can_be_signed_passes_the_rehearsal(
    signer: PadesSigner, document: bytes
) -> None:
    for signable in (document, damaged("nothing")):
        await signer.rehearse(signable, placement=StampPlacement.OWN_PAGE)


class TimestampAuthority:
    """An RFC 3161 server over HTTP, with a clock that the test sets."""

    def __init__(self, credential: SigningCredential) -> None:
        self._credential = credential
        self.now = NOON
        self.breaks = False
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        if self.breaks:
            return web.Response(status=503)
        [certificate] = load_certs_from_pemder_data(self._credential.certificate_pem)
        key = load_private_key_from_pemder_data(self._credential.key_pem, None)
        stamper = DummyTimeStamper(certificate, key, fixed_dt=self.now)
        query = tsp.TimeStampReq.load(await request.read())
        reply = stamper.request_tsa_response(query)
        return web.Response(body=reply.dump(), content_type="application/timestamp-reply")


@pytest.fixture
async def timestamps(authority: Authority) -> AsyncIterator[TimestampAuthority]:
    server = TimestampAuthority(authority.issue(for_timestamps=True))
    application = web.Application()
    application.router.add_post("/", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    server.url = f"http://{host}:{port}/"
    yield server
    await runner.cleanup()


@pytest.fixture
def timestamping_signer(
    authority: Authority, texts: Texts, timestamps: TimestampAuthority
) -> PadesSigner:
    return PadesSigner(
        trust_roots_pem=authority.root_pem, texts=texts, timestamp_url=timestamps.url
    )


async def test_a_timestamp_gives_the_authoritys_time(
    tool: Tool,
    timestamping_signer: PadesSigner,
    timestamps: TimestampAuthority,
    document: bytes,
    credential: SigningCredential,
    authority: Authority,
) -> None:
    timestamps.now = NOON + 5 * SECOND
    signed = await timestamping_signer.sign(document, credential, at=NOON)
    assert signed.record.timestamped_at == timestamps.now
    verification = await verify(signed.content, trust_roots_pem=authority.root_pem)
    assert verification.outcome is Outcome.VALID
    assert (verification.signed_at, verification.timestamped) == (timestamps.now, True)
    assert "Signature is Valid." in tool("pdfsig", signed.content)


@pytest.mark.parametrize(
    ("late", "outcome"),
    [
        (-SECOND, Outcome.VALID),
        (timedelta(0), Outcome.VALID),
        (SECOND, Outcome.EXPIRED_AT_SIGNING),
    ],
)
async def test_a_certificate_that_ended_before_the_timestamp_is_told_apart(
    timestamping_signer: PadesSigner,
    timestamps: TimestampAuthority,
    document: bytes,
    authority: Authority,
    late: timedelta,
    outcome: Outcome,
) -> None:
    ends = NOON + timedelta(minutes=1)
    timestamps.now = ends + late
    signed = await timestamping_signer.sign(document, authority.issue(valid_to=ends), at=NOON)
    verification = await verify(signed.content, trust_roots_pem=authority.root_pem)
    assert verification.outcome is outcome


async def test_a_silent_timestamp_authority_is_reported_as_such(
    timestamping_signer: PadesSigner,
    timestamps: TimestampAuthority,
    document: bytes,
    credential: SigningCredential,
) -> None:
    timestamps.breaks = True
    with pytest.raises(TimestampUnavailable):
        await timestamping_signer.sign(document, credential, at=NOON)


def _flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x01]) + content[place + 1 :]

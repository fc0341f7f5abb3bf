"""Certificates of doctors, revocation, and a time-stamped PAdES signature that pyHanko trusts."""

import base64
import io
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from asn1crypto import core, keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from fpdf import FPDF
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, async_sign_pdf
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps.aiohttp_client import HTTPTimeStamper
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from sandbox.certificate_authority.bootstrap import build
from sandbox.testing import Json, MovableClock

DOCTOR: Json = {"common_name": "Иванова Анна Петровна", "snils": "112-233-445 95"}


async def issue(ca: httpx.AsyncClient, **fields: object) -> dict[str, str]:
    answer = await ca.post("/certificates", json=DOCTOR | fields)
    assert answer.status_code == 201
    issued: dict[str, str] = answer.json()
    return issued


async def root_of(ca: httpx.AsyncClient) -> x509.Certificate:
    return x509.load_pem_x509_certificate((await ca.get("/root.pem")).content)


async def test_a_doctor_gets_a_key_and_a_certificate_that_chains_to_the_root(
    ca: httpx.AsyncClient,
) -> None:
    issued = await issue(ca, organisation="Клиника")
    certificate = x509.load_pem_x509_certificate(issued["certificate_pem"].encode())
    issuing, root = x509.load_pem_x509_certificates(issued["chain_pem"].encode())
    key = serialization.load_pem_private_key(issued["private_key_pem"].encode(), None)
    certificate.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    assert root == await root_of(ca)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == certificate.public_key()
    names = {attribute.oid.dotted_string: attribute.value for attribute in certificate.subject}
    assert names["2.5.4.3"] == "Иванова Анна Петровна"
    assert names["1.2.643.100.3"] == "11223344595"
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.content_commitment, usage.key_cert_sign) == (True, False)
    shown = (await ca.get(f"/certificates/{issued['serial']}")).json()
    assert shown["certificate_pem"] == issued["certificate_pem"]
    assert "private_key_pem" not in shown


async def test_a_long_russian_name_is_whole_in_surname_and_given_names(
    ca: httpx.AsyncClient,
) -> None:
    name = "Константинопольская-Преображенская Александра Владиславовна"
    issued = await issue(ca, common_name=name)
    certificate = x509.load_pem_x509_certificate(issued["certificate_pem"].encode())
    names = {each.oid.dotted_string: str(each.value) for each in certificate.subject}
    assert f"{names['2.5.4.4']} {names['2.5.4.42']}" == name
    common_name = names["2.5.4.3"]
    assert name.startswith(common_name)
    assert len(common_name.encode()) == 63


async def test_a_name_of_one_word_has_no_given_names(ca: httpx.AsyncClient) -> None:
    issued = await issue(ca, common_name="Гиппократ")
    certificate = x509.load_pem_x509_certificate(issued["certificate_pem"].encode())
    assert [str(attribute.value) for attribute in certificate.subject][:3] == [
        "RU",
        "Гиппократ",
        "Гиппократ",
    ]
    assert not certificate.subject.get_attributes_for_oid(x509.NameOID.GIVEN_NAME)


async def test_a_passphrase_brings_a_pkcs12_file(ca: httpx.AsyncClient) -> None:
    issued = await issue(ca, pkcs12_passphrase="слово")
    packed = base64.b64decode(issued["pkcs12_base64"])
    key, certificate, chain = pkcs12.load_key_and_certificates(packed, "слово".encode())
    assert certificate is not None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    assert len(chain) == 2


@pytest.mark.parametrize(
    "wrong", [{"common_name": ""}, {"common_name": "x" * 65}, {"snils": "12"}, {"rank": "chief"}]
)
async def test_a_wrong_application_is_refused(ca: httpx.AsyncClient, wrong: Json) -> None:
    assert (await ca.post("/certificates", json=DOCTOR | wrong)).status_code == 422
    assert (await ca.get("/certificates")).json()["items"] == []


async def test_a_revoked_certificate_is_on_the_list(
    ca: httpx.AsyncClient, clock: MovableClock
) -> None:
    good, bad = await issue(ca), await issue(ca)
    path = f"/certificates/{bad['serial']}/revocation"
    first = (await ca.post(path, json={"reason": "keyCompromise"})).json()
    clock.advance(timedelta(hours=1))
    again = (await ca.post(path, json={"reason": "superseded"})).json()
    assert again == first
    assert first["revoked_at"] == "2026-11-21T09:00:00+00:00"
    revoked = x509.load_der_x509_crl((await ca.get("/crl")).content)
    issuing = x509.load_pem_x509_certificate((await ca.get("/issuing.pem")).content)
    public_key = issuing.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert revoked.is_signature_valid(public_key)
    assert revoked.get_revoked_certificate_by_serial_number(int(good["serial"], 16)) is None
    entry = revoked.get_revoked_certificate_by_serial_number(int(bad["serial"], 16))
    assert entry is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason == x509.ReasonFlags.key_compromise


async def test_lists_are_numbered_and_dated_by_the_clock(
    ca: httpx.AsyncClient, clock: MovableClock
) -> None:
    numbers = []
    for path in ("/crl", "/crl", "/root.crl"):
        listed = x509.load_der_x509_crl((await ca.get(path)).content)
        numbers.append(listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
        assert listed.last_update_utc == clock.now
    assert numbers == [1, 2, 3]


async def test_an_unknown_certificate_is_not_found(ca: httpx.AsyncClient) -> None:
    assert (await ca.get("/certificates/AB")).status_code == 404
    assert (await ca.post("/certificates/AB/revocation")).status_code == 404


async def test_the_authority_stays_the_same_over_a_restart(
    tmp_path: Path, clock: MovableClock
) -> None:
    roots, serials = [], []
    for _ in range(2):
        app = build(folder=tmp_path / "ca", clock=clock, public_url="http://ca.test")
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://ca.test") as client,
        ):
            serials.append((await issue(client))["serial"])
            roots.append((await client.get("/root.pem")).content)
            listed = (await client.get("/certificates")).json()["items"]
            assert [one["serial"] for one in listed] == serials[::-1]
            assert serials[0] in (await client.get("/")).text
    assert roots[0] == roots[1]


def timestamp_query(digest: str = "sha256", length: int = 32) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": digest}, "hashed_message": b"x" * length}
    query = {"version": "v1", "message_imprint": imprint, "nonce": 7, "cert_req": True}
    return bytes(tsp.TimeStampReq(query).dump())


# RFC 3161, 2.4.2: values of PKIStatus and bits of PKIFailureInfo.
REJECTION, BAD_ALGORITHM, BAD_DATA_FORMAT = 2, 0, 5


async def ask_time(ca: httpx.AsyncClient, body: bytes) -> bytes:
    headers = {"content-type": "application/timestamp-query"}
    answer = await ca.post("/tsa", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/timestamp-reply"
    return answer.content


async def test_a_time_stamp_tells_the_time_of_the_clock(
    ca: httpx.AsyncClient, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=3))
    answer = tsp.TimeStampResp.load(await ask_time(ca, timestamp_query()))
    info = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    assert answer["status"]["status"].native == "granted"
    assert (info["gen_time"].native, info["nonce"].native) == (clock.now, 7)
    assert info["message_imprint"]["hashed_message"].native == b"x" * 32


@pytest.mark.parametrize(
    ("body", "failure_bit"),
    [
        (timestamp_query("sha1", 20), BAD_ALGORITHM),
        (timestamp_query("sha256", 31), BAD_DATA_FORMAT),
        (b"nonsense", BAD_DATA_FORMAT),
        (b"", BAD_DATA_FORMAT),
        (timestamp_query() + b"tail", BAD_DATA_FORMAT),
    ],
)
async def test_a_wrong_query_is_rejected(
    ca: httpx.AsyncClient, body: bytes, failure_bit: int
) -> None:
    # asn1crypto cannot read a response without a token: PKIStatusInfo is its only element.
    status, *rest = core.SequenceOf.load(await ask_time(ca, body), spec=core.Sequence)
    assert rest == []
    assert status[0].native == REJECTION
    assert status[1].native[failure_bit] == 1


async def test_only_time_stamp_queries_are_answered(ca: httpx.AsyncClient) -> None:
    assert (await ca.post("/tsa", json={})).status_code == 415


async def signed_pdf(ca: httpx.AsyncClient, issued: dict[str, str]) -> bytes:
    """A small PDF, signed as PAdES B-T with the time-stamp client of pyHanko."""
    pdf = FPDF()
    pdf.add_page()
    key = serialization.load_pem_private_key(issued["private_key_pem"].encode(), None)
    plain_key = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = SimpleCertificateStore.from_certs(asn1(issued["chain_pem"]))  # type: ignore[no-untyped-call] # pyHanko leaves it untyped
    signer = SimpleSigner(
        signing_cert=asn1(issued["certificate_pem"])[0],
        signing_key=keys.PrivateKeyInfo.load(plain_key),
        cert_registry=chain,
    )
    signed = await async_sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(bytes(pdf.output()))),
        PdfSignatureMetadata(
            field_name="Doctor", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        ),
        signer,
        timestamper=HTTPTimeStamper(str(ca.base_url.join("/tsa"))),
    )
    assert isinstance(signed, io.BytesIO)
    return signed.getvalue()


def asn1(pem: str) -> list[asn1_x509.Certificate]:
    return [
        asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
        for certificate in x509.load_pem_x509_certificates(pem.encode())
    ]


async def verdict(ca: httpx.AsyncClient, signed: bytes, clock: MovableClock) -> PdfSignatureStatus:
    """What a strict verifier says that trusts only the root and both revocation lists."""
    lists = [(await ca.get(path)).content for path in ("/crl", "/root.crl")]
    context = ValidationContext(
        trust_roots=asn1((await ca.get("/root.pem")).text),
        crls=lists,
        moment=clock.now,
        revocation_mode="hard-fail",
        allow_fetching=False,
    )
    [signature] = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    return await async_validate_pdf_signature(signature, context)


async def test_a_doctor_signs_with_a_trusted_time_stamp(
    ca: httpx.AsyncClient, clock: MovableClock
) -> None:
    status = await verdict(ca, await signed_pdf(ca, await issue(ca)), clock)
    assert status.bottom_line
    assert status.timestamp_validity is not None
    assert status.timestamp_validity.trusted
    assert status.timestamp_validity.timestamp == clock.now


async def test_a_changed_byte_breaks_the_signature(
    ca: httpx.AsyncClient, clock: MovableClock
) -> None:
    signed = bytearray(await signed_pdf(ca, await issue(ca)))
    place = signed.index(b"/MediaBox [0 0 5") + len("/MediaBox [0 0 ")
    signed[place] ^= 1
    status = await verdict(ca, bytes(signed), clock)
    assert not status.intact


async def test_a_revoked_doctor_is_not_trusted(ca: httpx.AsyncClient, clock: MovableClock) -> None:
    issued = await issue(ca)
    signed = await signed_pdf(ca, issued)
    await ca.post(f"/certificates/{issued['serial']}/revocation")
    clock.advance(timedelta(minutes=1))
    status = await verdict(ca, signed, clock)
    assert status.intact
    assert status.revoked
    assert not status.trusted

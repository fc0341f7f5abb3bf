"""Signs PDF documents as PAdES B-B, or B-T with a time-stamp authority (CON-24, CON-26, CON-27)."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from io import BytesIO
from typing import Final

import httpx
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.generic import NameObject, StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, SimpleBoxLayoutRule
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter, PageObject
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner, PdfSigningSession
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko.sign.timestamps.common_utils import set_tsp_headers
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import CertificateValidator
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore
from typing_extensions import override

from conclusions.adapters.certificates import (
    CertificateDetails,
    check_key,
    describe_certificate,
    read_certificate,
    read_certificates,
    revoked_at,
)
from conclusions.adapters.pades_verification import timestamp_of, trust_at
from conclusions.adapters.pdf_page import (
    CLOSING_HEIGHT,
    MARGIN_BOTTOM,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    POINTS_PER_MM,
    STAMP_HEIGHT,
    STAMP_WIDTH,
)
from conclusions.adapters.pdf_stamp import Stamp, draw_stamp
from conclusions.application.ports import (
    CertificateRefused,
    DocumentUnsignable,
    Refusal,
    SigningCredential,
    TimestampUnavailable,
)

FIELD_NAME: Final = "DoctorSignature"
# Hex digits kept free for the signature: chain, attributes and, in B-T, the time-stamp token.
RESERVED_PLAIN: Final = 16_384
RESERVED_TIMESTAMPED: Final = 32_768
# What pyHanko raises on documents that are out of shape.
_UNSIGNABLE: Final = (
    PdfError,
    SigningError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
)


class StampPlacement(Enum):
    """Where the visible mark goes; both are on the last page of the signed document."""

    CLOSING = auto()
    """Beside the doctor's name, in the room that our own printed documents keep free."""

    OWN_PAGE = auto()
    """On a page added to a document from elsewhere, so that it never covers any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRecord:
    """What is kept of a signature (CON-27). The first `document_size` bytes of the signed file are
    the document as it was given to sign, so both hashes can be checked from the one stored file."""

    document_sha256: str
    document_size: int
    signed_sha256: str
    algorithm: str
    certificate: CertificateDetails
    signed_at: datetime
    timestamped_at: datetime | None
    cms_base64: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    content: bytes = field(repr=False)
    record: SignatureRecord


class PadesSigner:
    """Signs with a doctor's certificate that leads to one of the trusted roots."""

    def __init__(
        self,
        *,
        trust_roots_pem: bytes,
        texts: Mapping[str, str],
        timestamp_url: str | None = None,
        timestamp_timeout_seconds: float = 10.0,
    ) -> None:
        self._trust_roots = read_certificates(trust_roots_pem)
        self._texts = texts
        self._timestamp_url = timestamp_url
        self._timestamp_timeout_seconds = timestamp_timeout_seconds

    async def sign(
        self,
        document: bytes,
        credential: SigningCredential,
        *,
        at: datetime,
        placement: StampPlacement = StampPlacement.CLOSING,
        revocation_lists: Sequence[bytes] = (),
    ) -> SignedDocument:
        """Raises `CertificateRefused`, `DocumentUnsignable` or `TimestampUnavailable`. Parsing,
        drawing and hashing take tenths of a second, so they run in a thread with its own loop."""
        return await asyncio.to_thread(
            lambda: asyncio.run(self._sign(document, credential, at, placement, revocation_lists))
        )

    async def rehearse(self, document: bytes, *, placement: StampPlacement) -> None:
        """Raises `DocumentUnsignable` for what `sign` would not take, found by signing it: a page tree that does not
        hold together or a form field in the way is met nowhere else. The key is trusted by nobody and thrown away."""
        credential, at = _throwaway()
        details = describe_certificate(read_certificate(credential.certificate_pem))
        await asyncio.to_thread(
            lambda: asyncio.run(self._seal(document, credential, details, at, placement))
        )

    async def _sign(
        self,
        document: bytes,
        credential: SigningCredential,
        at: datetime,
        placement: StampPlacement,
        revocation_lists: Sequence[bytes],
    ) -> SignedDocument:
        details = await self._check(credential, at, revocation_lists)
        return await self._seal(document, credential, details, at, placement)

    async def _seal(
        self,
        document: bytes,
        credential: SigningCredential,
        details: CertificateDetails,
        at: datetime,
        placement: StampPlacement,
    ) -> SignedDocument:
        stamp = self._stamp_style(details, at)
        try:
            signed = await self._stamped(document, credential, stamp, at, placement)
            record = _record(document, signed, details, at)
        except TimestampRequestError as error:
            raise TimestampUnavailable(str(error)) from error
        except _UNSIGNABLE as error:
            raise DocumentUnsignable(str(error)) from error
        return SignedDocument(content=signed, record=record)

    async def _check(
        self, credential: SigningCredential, at: datetime, revocation_lists: Sequence[bytes]
    ) -> CertificateDetails:
        certificate = read_certificate(credential.certificate_pem)
        chain = read_certificates(credential.chain_pem)
        check_key(credential)
        details = describe_certificate(certificate)
        if refusal := details.refusal_at(at):
            raise CertificateRefused(refusal)
        if revoked_at(at, [certificate, *chain, *self._trust_roots], revocation_lists):
            raise CertificateRefused(Refusal.REVOKED)
        context = trust_at(at, self._trust_roots, chain)
        [leaf] = load_certs_from_pemder_data(credential.certificate_pem)
        validator = CertificateValidator(leaf, validation_context=context)
        try:
            await validator.async_validate_usage(  # type: ignore[no-untyped-call]  # pyHanko's
                {"non_repudiation"}
            )
        except (PathError, ValidationError) as error:
            raise CertificateRefused(Refusal.UNTRUSTED) from error
        return details

    async def _stamped(
        self,
        document: bytes,
        credential: SigningCredential,
        stamp: StaticStampStyle,
        at: datetime,
        placement: StampPlacement,
    ) -> bytes:
        writer = _writer(document)
        if placement is StampPlacement.OWN_PAGE:
            _add_page(writer)
        timestamper = (
            _HttpTimeStamper(self._timestamp_url, self._timestamp_timeout_seconds)
            if self._timestamp_url is not None
            else None
        )
        signer = _DatedSigner(
            at,
            PdfSignatureMetadata(
                field_name=FIELD_NAME, subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"
            ),
            signer=_signer(credential),
            timestamper=timestamper,
            stamp_style=stamp,
            new_field_spec=SigFieldSpec(
                FIELD_NAME,
                on_page=int(writer.root["/Pages"]["/Count"]) - 1,
                box=_stamp_box(placement),
            ),
        )
        reserved = RESERVED_PLAIN if timestamper is None else RESERVED_TIMESTAMPED
        output = BytesIO()
        await signer.async_sign_pdf(writer, output=output, bytes_reserved=reserved)
        return output.getvalue()

    def _stamp_style(self, details: CertificateDetails, at: datetime) -> StaticStampStyle:
        stamp = Stamp(
            certificate_serial=details.serial,
            owner=details.owner,
            valid_from=details.valid_from,
            valid_to=details.valid_to,
            signed_at=at,
        )
        return StaticStampStyle(
            border_width=0,
            background=_DrawnStamp(draw_stamp(stamp, self._texts)),
            background_opacity=1.0,
            background_layout=SimpleBoxLayoutRule(
                x_align=AxisAlignment.ALIGN_MID, y_align=AxisAlignment.ALIGN_MID
            ),
        )


class _DatedSigner(PdfSigner):
    """pyHanko reads the machine's clock; a signing here bears the time that it was given."""

    def __init__(
        self,
        at: datetime,
        signature_meta: PdfSignatureMetadata,
        *,
        signer: SimpleSigner,
        timestamper: TimeStamper | None,
        stamp_style: StaticStampStyle,
        new_field_spec: SigFieldSpec,
    ) -> None:
        super().__init__(
            signature_meta,
            signer,
            timestamper=timestamper,
            stamp_style=stamp_style,
            new_field_spec=new_field_spec,
        )
        self._at = at

    @override
    def init_signing_session(
        self,
        pdf_out: BasePdfFileWriter,
        existing_fields_only: bool = False,
    ) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._at
        return session


class _HttpTimeStamper(TimeStamper):
    """Asks an RFC 3161 authority over HTTP."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyHanko's
        self._url = url
        self._timeout_seconds = timeout_seconds

    @override
    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        try:
            async with httpx.AsyncClient(timeout=self._timeout_seconds) as client:
                answer = await client.post(
                    self._url, content=req.dump(), headers=set_tsp_headers({})
                )
            answer.raise_for_status()
            return tsp.TimeStampResp.load(answer.content, strict=True)
        except (httpx.HTTPError, ValueError) as error:
            raise TimestampRequestError("the time-stamp authority gave no token") from error


class _DrawnStamp(PdfContent):
    """The stamp's page, carried into the document as one form."""

    def __init__(self, drawn: bytes) -> None:
        super().__init__(
            box=BoxConstraints(
                width=STAMP_WIDTH * POINTS_PER_MM, height=STAMP_HEIGHT * POINTS_PER_MM
            )
        )
        self._drawn = drawn

    @override
    def render(self) -> bytes:
        page = PdfFileReader(BytesIO(self._drawn))
        self.resources.xobject[NameObject("/Stamp")] = self._ensure_writer.import_page_as_xobject(
            page
        )
        return b"/Stamp Do"


def _throwaway() -> tuple[SigningCredential, datetime]:
    """A certificate that signed itself, and a moment at which it holds."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rehearsal")])
    at = datetime(2000, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    credential = SigningCredential(
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        chain_pem=b"",
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    return credential, at


def _writer(document: bytes) -> IncrementalPdfFileWriter:
    # Clinics' own files are often slightly out of shape; what is signed is their bytes anyway.
    writer = IncrementalPdfFileWriter(BytesIO(document), strict=False)
    if writer.prev.encrypted:
        raise DocumentUnsignable("the document is encrypted")
    if writer.prev.embedded_signatures:
        raise DocumentUnsignable("the document is already signed")
    return writer


def _signer(credential: SigningCredential) -> SimpleSigner:
    [certificate] = load_certs_from_pemder_data(credential.certificate_pem)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # pyHanko's
    if credential.chain_pem.strip():
        store.register_multiple(load_certs_from_pemder_data(credential.chain_pem))
    return SimpleSigner(
        signing_cert=certificate,
        signing_key=load_private_key_from_pemder_data(credential.key_pem, None),
        cert_registry=store,
        # Whoever verifies brings the roots; a root inside the file proves nothing.
        embed_roots=False,
    )


def _add_page(writer: IncrementalPdfFileWriter) -> None:
    size = (0, 0, PAGE_WIDTH * POINTS_PER_MM, PAGE_HEIGHT * POINTS_PER_MM)
    contents = writer.add_object(StreamObject(stream_data=b""))
    page = PageObject(contents=contents, media_box=size)  # type: ignore[no-untyped-call]  # pyHanko's
    writer.insert_page(page)  # type: ignore[no-untyped-call]  # pyHanko's


def _stamp_box(placement: StampPlacement) -> tuple[int, int, int, int]:
    if placement is StampPlacement.CLOSING:
        left = PAGE_WIDTH - MARGIN_RIGHT - STAMP_WIDTH
        bottom = MARGIN_BOTTOM + CLOSING_HEIGHT - STAMP_HEIGHT - 2
    else:
        left, bottom = MARGIN_LEFT, PAGE_HEIGHT - MARGIN_TOP - STAMP_HEIGHT
    x, y = round(left * POINTS_PER_MM), round(bottom * POINTS_PER_MM)
    return (x, y, x + round(STAMP_WIDTH * POINTS_PER_MM), y + round(STAMP_HEIGHT * POINTS_PER_MM))


def _record(
    document: bytes, signed: bytes, details: CertificateDetails, at: datetime
) -> SignatureRecord:
    [embedded] = PdfFileReader(BytesIO(signed), strict=False).embedded_regular_signatures
    return SignatureRecord(
        document_sha256=hashlib.sha256(document).hexdigest(),
        document_size=len(document),
        signed_sha256=hashlib.sha256(signed).hexdigest(),
        algorithm=embedded.signer_info["signature_algorithm"]["algorithm"].native,
        certificate=details,
        signed_at=at,
        timestamped_at=timestamp_of(embedded),
        cms_base64=base64.b64encode(embedded.pkcs7_content.rstrip(b"\0")).decode("ascii"),
    )

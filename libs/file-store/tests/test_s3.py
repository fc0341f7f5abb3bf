"""What is particular to S3: parts, outages, credentials, TLS."""

import asyncio
import ipaddress
import logging
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from file_store import FileStoreUnavailable, open_file_store
from file_store.folder import FolderFileStore
from file_store.s3 import PART_BYTES, S3FileStore, S3Place
from file_store.testing import AT, NORTH, PDF, Upload, read

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECRET = "never-to-be-seen"


def long(size: int) -> Upload:
    """A stream of so many bytes in chunks that fit no part."""
    chunk = bytes(range(256)) * 1171
    whole, rest = divmod(size, len(chunk))
    return Upload([*[chunk] * whole, chunk[:rest]])


async def left_behind(store: S3FileStore) -> list[str]:
    """Keys of uploads that are neither complete nor aborted."""
    found = await store._client.list_multipart_uploads(Bucket=store._bucket)
    keys = [upload["Key"] for upload in found.get("Uploads", [])]
    return [key for key in keys if key.startswith(store._prefix)]


@pytest.mark.integration
@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES])
async def test_a_file_of_any_number_of_parts_is_read_back(s3: S3FileStore, size: int) -> None:
    await s3.put(NORTH, AT, long(size))
    expected = b"".join([chunk async for chunk in long(size)])
    assert await read(s3, AT) == expected
    assert (
        await read(s3, AT, start=PART_BYTES - 5, end=PART_BYTES + 5)
        == (expected[PART_BYTES - 5 : PART_BYTES + 5])
    )
    assert await left_behind(s3) == []


@pytest.mark.integration
async def test_a_long_file_never_is_in_memory(s3: S3FileStore) -> None:
    tracemalloc.start()
    try:
        await s3.put(NORTH, AT, long(16 * PART_BYTES))
        async for _ in s3.open(NORTH, AT):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * PART_BYTES


@pytest.mark.integration
async def test_an_upload_that_breaks_off_between_parts_is_aborted(s3: S3FileStore) -> None:
    broken = Upload([bytes(PART_BYTES)] * 2, breaks=ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError):
        await s3.put(NORTH, AT, broken)
    assert await left_behind(s3) == []
    assert not await s3.exists(NORTH, AT)


@pytest.mark.integration
async def test_an_upload_that_is_cancelled_between_parts_is_aborted(s3: S3FileStore) -> None:
    """At whichever moment; also in that in which the upload begins."""
    size = 2 * PART_BYTES + 1
    for step in range(12):
        upload = asyncio.create_task(s3.put(NORTH, AT, long(size)))
        await asyncio.sleep(step / 60)
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
        assert await left_behind(s3) == []
        if await s3.exists(NORTH, AT):
            assert len(await read(s3, AT)) == size
            await s3.delete(NORTH, AT)


@asynccontextmanager
async def scripted(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[S3Place]:
    """A server that answers as it is told."""
    application = web.Application(client_max_size=2 * PART_BYTES)
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield S3Place(
            bucket="kabinet",
            endpoint=f"{'https' if tls else 'http'}://{host}:{port}",
            access_key="key",
            secret_key=SECRET,
            read_seconds=0.3,
            attempts=2,
        )
    finally:
        await runner.cleanup()


def opened(place: S3Place) -> AbstractAsyncContextManager[S3FileStore]:
    return S3FileStore.open_place(place)


def refusal(status: int, code: str) -> web.Response:
    text = f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (403, "SignatureDoesNotMatch"),
        (404, "NoSuchBucket"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ],
)
async def test_a_storage_that_refuses_is_unavailable_and_not_quoted(status: int, code: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return refusal(status, code)

    async with scripted(answer) as place, opened(place) as store:
        for work in (read(store, AT), store.put(NORTH, AT, long(10)), store.delete(NORTH, AT)):
            with pytest.raises(FileStoreUnavailable) as failed:
                await work
            assert str(failed.value) == code
        with pytest.raises(FileStoreUnavailable):
            await store.check()


async def test_a_storage_that_is_silent_is_unavailable_within_the_bound() -> None:
    async def answer(_request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with scripted(answer) as place, opened(place) as store:
        begun = time.monotonic()
        with pytest.raises(FileStoreUnavailable):
            await store.exists(NORTH, AT)
        assert time.monotonic() - begun < 10


async def test_a_storage_that_is_not_there_is_unavailable_but_can_be_opened() -> None:
    url = "s3://key:secret@kabinet?endpoint=http://127.0.0.1:1"
    async with open_file_store(url) as store:
        with pytest.raises(FileStoreUnavailable):
            await store.check()
        with pytest.raises(FileStoreUnavailable):
            await read(store, AT)


async def test_an_answer_that_breaks_off_is_no_end_of_the_file() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        started = web.StreamResponse(headers={"Content-Length": "1000000"})
        await started.prepare(request)
        await started.write(PDF)
        assert request.transport is not None
        request.transport.close()
        return started

    async with scripted(answer) as place, opened(place) as store:
        with pytest.raises(FileStoreUnavailable):
            await read(store, AT)


@pytest.mark.parametrize("fails", ["PUT", "complete"])
async def test_an_upload_that_the_storage_fails_is_aborted(fails: str) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        asked.append(request.method)
        if "uploads" in request.query:
            text = "<R><Bucket>b</Bucket><Key>k</Key><UploadId>one</UploadId></R>"
            return web.Response(text=text, content_type="application/xml")
        if request.method == "PUT" and fails == "complete":
            return web.Response(headers={"ETag": '"part"'})
        if request.method == "DELETE":
            assert request.query["uploadId"] == "one"
            return web.Response(status=204)
        return refusal(500, "InternalError")

    async with scripted(answer) as place, opened(place) as store:
        with pytest.raises(FileStoreUnavailable):
            await store.put(NORTH, AT, long(PART_BYTES + 1))
    assert asked[-1] == "DELETE"


async def test_a_failing_abort_does_not_hide_why_the_upload_failed() -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        if "uploads" in request.query:
            text = "<R><Bucket>b</Bucket><Key>k</Key><UploadId>one</UploadId></R>"
            return web.Response(text=text, content_type="application/xml")
        return refusal(403, "AccessDenied" if request.method == "PUT" else "Other")

    async with scripted(answer) as place, opened(place) as store:
        with pytest.raises(FileStoreUnavailable, match="AccessDenied"):
            await store.put(NORTH, AT, long(PART_BYTES))


async def test_uploads_cut_off_by_a_crash_are_swept_when_old_and_ours() -> None:
    aborted: list[str] = []

    def listed(key: str, age_seconds: int) -> str:
        at = datetime.fromtimestamp(time.time() - age_seconds, UTC).isoformat()
        return f"<Upload><Key>{key}</Key><UploadId>1</UploadId><Initiated>{at}</Initiated></Upload>"

    async def answer(request: web.Request) -> web.Response:
        if request.method == "DELETE":
            aborted.append(request.path)
            return web.Response(status=204)
        uploads = listed("ours/old", 3700) + listed("ours/young", 3500) + listed("other/old", 3700)
        return web.Response(
            text=f"<R><IsTruncated>false</IsTruncated>{uploads}</R>", content_type="application/xml"
        )

    async with scripted(answer) as place, opened(replace(place, prefix="ours/")) as store:
        assert await store.sweep(older_than_seconds=3600) == 1
    assert aborted == ["/kabinet/ours/old"]


async def test_a_certificate_is_checked_against_the_given_authority(tmp_path: Path) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate = certify(tmp_path)
    tls.load_cert_chain(certificate)
    async with scripted(answer, tls) as place:
        async with opened(replace(place, ca=str(certificate))) as store:
            await store.check()
        async with opened(place) as store:
            with pytest.raises(FileStoreUnavailable):
                await store.check()


def certify(folder: Path) -> Path:
    """A key and a certificate of 127.0.0.1 that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "storage")])
    now = datetime.fromtimestamp(time.time(), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "storage.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return refusal(403, "AccessDenied")

    caplog.set_level(logging.INFO)
    async with scripted(answer) as place, opened(place) as store:
        with pytest.raises(FileStoreUnavailable):
            await store.put(NORTH, AT, long(10))
    assert SECRET not in repr(place)
    assert SECRET not in caplog.text


def test_a_url_says_where_the_bucket_is_and_how_to_get_in() -> None:
    assert S3Place.parse("s3://files") == S3Place(bucket="files", addressing="virtual")
    assert S3Place.parse(
        "s3://a%2Fb:c%40d@files/clinic%20a/chat/?endpoint=https://minio:9000&region=ru-1&ca=/ca.pem"
    ) == S3Place(
        bucket="files",
        prefix="clinic a/chat/",
        endpoint="https://minio:9000",
        region="ru-1",
        addressing="path",
        ca="/ca.pem",
        access_key="a/b",
        secret_key="c@d",
    )
    chosen = S3Place.parse("s3://files?endpoint=http://minio:9000&addressing=virtual")
    assert chosen.addressing == "virtual"


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@",
        f"s3://{SECRET}@files",
        f"s3://key:{SECRET}@files?endpont=http://minio",
        f"s3://key:{SECRET}@files?addressing=both",
        f"s3://key:{SECRET}@files?endpoint=minio:9000",
        f"file://key:{SECRET}@host/folder",
        f"file:{SECRET}",
        f"/{SECRET}",
        f"ftp://key:{SECRET}@host",
        "",
    ],
)
async def test_another_url_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        async with open_file_store(url):
            pass
    assert SECRET not in str(refused.value)


async def test_a_folder_is_opened_by_its_url_and_swept(tmp_path: Path) -> None:
    folder = tmp_path / "папка файлов"
    left = folder / ".incoming" / "left"
    left.parent.mkdir(parents=True)
    left.write_bytes(PDF)
    async with open_file_store(folder.as_uri()) as store:
        assert isinstance(store, FolderFileStore)
        await store.put(NORTH, AT, long(10))
    assert (folder / "north" / AT[:2] / AT).stat().st_size == 10
    assert left.exists()  # it is young

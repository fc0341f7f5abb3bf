"""A file store in a bucket of S3 or of anything that speaks like it.

Errors carry the codes of the storage and never its messages, which may quote keys of objects and of accounts.
"""

import time
from asyncio import Task, create_task
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from file_store.errors import FileMissing, FileStoreUnavailable
from file_store.port import FileAddress, check_range, file_address
from file_store.waiting import finished
from vocabulary.ids import TenantId, tenant_id

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import (
        CompletedPartTypeDef,
        CreateMultipartUploadOutputTypeDef,
    )

PART_BYTES: Final = 5 * 1024 * 1024
"""What is sent at once; a few of them are in memory. S3 takes no fewer for a part that is not the last."""

_CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Place:
    """Which bucket, where, and how to get in."""

    bucket: str
    prefix: str = ""
    """In front of every key; empty, or with a slash at its end."""
    endpoint: str | None = None
    """`http://host:port` or `https://...`; Amazon's own when left out."""
    region: str = "us-east-1"
    addressing: Literal["path", "virtual"] = "path"
    """Whether the bucket stands in the path or in the name of the host."""
    ca: str | None = None
    """A file with the certificates that the endpoint's is checked against; the system's when left out."""
    access_key: str | None = None
    """Left out, the client looks where it always does: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the process,
    or the role that the platform gave it."""
    secret_key: str | None = field(default=None, repr=False)
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    """How long to wait for the next bytes of an answer."""
    attempts: int = 3

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `s3://[key:secret@]bucket[/prefix][?endpoint=...&region=...&addressing=path|virtual&ca=/file.pem]`.

        Raises `ValueError`, which quotes nothing of the URL but names of options.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := options.keys() - {"endpoint", "region", "addressing", "ca"}:
            raise ValueError(f"no option of a file store: {', '.join(sorted(unknown))}")
        if parts.scheme != "s3" or not parts.hostname:
            raise ValueError("a file store is s3://bucket/prefix")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("key and secret of a file store come together")
        addressing = options.get("addressing", "path" if "endpoint" in options else "virtual")
        if addressing not in ("path", "virtual"):
            raise ValueError("addressing is path or virtual")
        endpoint = options.get("endpoint")
        if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
            raise ValueError("endpoint is http://... or https://...")
        prefix = unquote(parts.path).strip("/")
        return cls(
            bucket=parts.hostname,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=endpoint,
            region=options.get("region", "us-east-1"),
            addressing="path" if addressing == "path" else "virtual",
            ca=options.get("ca"),
            access_key=None if parts.username is None else unquote(parts.username),
            secret_key=None if parts.password is None else unquote(parts.password),
        )


class S3FileStore:
    """Objects under `<prefix><tenant>/<address>`; the bucket must be there.

    A file of more than one part is a multipart upload, of which nothing can be seen before it is complete, and which
    is aborted when anything goes wrong. What a killed process leaves is aborted by `sweep`; a life-cycle rule of the
    bucket (`AbortIncompleteMultipartUpload`) does the same without us.
    """

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    @classmethod
    @asynccontextmanager
    async def open_place(cls, place: S3Place) -> AsyncIterator[Self]:
        """The store, until the context ends; nothing is asked of the storage yet."""
        config = AioConfig(
            connect_timeout=place.connect_seconds,
            read_timeout=place.read_seconds,
            retries={"total_max_attempts": place.attempts, "mode": "standard"},
            s3={"addressing_style": place.addressing},
            # Others than Amazon often know no check sums in trailers. Files bear their own proof.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        async with get_session().create_client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region,
            aws_access_key_id=place.access_key,
            aws_secret_access_key=place.secret_key,
            verify=place.ca,
            config=config,
        ) as client:
            yield cls(cast("S3Client", client), place.bucket, place.prefix)

    async def put(
        self, tenant: TenantId, address: FileAddress, content: AsyncIterable[bytes]
    ) -> None:
        """See `FileStore`."""
        key = self._key(tenant, address)
        async with aclosing(_parts(content)) as parts:
            first = await anext(parts, b"")
            if len(first) == PART_BYTES:
                await self._put_parts(key, first, parts)
                return
        with _storage():
            await self._client.put_object(Bucket=self._bucket, Key=key, Body=first)

    async def open(
        self, tenant: TenantId, address: FileAddress, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `FileStore`."""
        check_range(start, end)
        if start == end:  # a range of HTTP is never empty
            if not await self.exists(tenant, address):
                raise FileMissing(address)
            return
        wanted = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            with _storage():
                found = await self._client.get_object(
                    Bucket=self._bucket, Key=self._key(tenant, address), Range=wanted
                )
        except _BeyondTheEnd:
            return
        body = found["Body"]
        try:
            while True:
                with _storage():
                    chunk = await body.read(_CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk
        finally:
            body.close()

    async def exists(self, tenant: TenantId, address: FileAddress) -> bool:
        """See `FileStore`."""
        key = self._key(tenant, address)
        try:
            with _storage():
                await self._client.head_object(Bucket=self._bucket, Key=key)
        except FileMissing:
            return False
        return True

    async def delete(self, tenant: TenantId, address: FileAddress) -> None:
        """See `FileStore`."""
        with _storage():
            await self._client.delete_object(Bucket=self._bucket, Key=self._key(tenant, address))

    async def sweep(self, *, older_than_seconds: float) -> int:
        """See `FileStore`."""
        aborted, before = 0, time.time() - older_than_seconds
        pages = self._client.get_paginator("list_multipart_uploads")
        with _storage():
            # MinIO lists the uploads of a bucket or of one key, of no other prefix.
            async for page in pages.paginate(Bucket=self._bucket):
                for upload in page.get("Uploads", []):
                    ours = upload["Key"].startswith(self._prefix)
                    if ours and upload["Initiated"].timestamp() <= before:
                        await self._abort(upload["Key"], upload["UploadId"])
                        aborted += 1
        return aborted

    async def check(self) -> None:
        """See `FileStore`."""
        try:
            with _storage():
                await self._client.head_bucket(Bucket=self._bucket)
        except FileMissing:
            raise FileStoreUnavailable("NoSuchBucket") from None

    def _key(self, tenant: TenantId, address: FileAddress) -> str:
        # Both may come from a URL; checked, neither leads to other keys.
        return f"{self._prefix}{tenant_id(tenant)}/{file_address(address)}"

    async def _put_parts(self, key: str, part: bytes, following: AsyncIterator[bytes]) -> None:
        done: list[CompletedPartTypeDef] = []
        async with self._upload(key) as upload:
            while part:
                with _storage():
                    answer = await self._client.upload_part(
                        Bucket=self._bucket,
                        Key=key,
                        UploadId=upload,
                        PartNumber=len(done) + 1,
                        Body=part,
                    )
                done.append({"PartNumber": len(done) + 1, "ETag": answer["ETag"]})
                part = await anext(following, b"")
            with _storage():
                await self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload,
                    MultipartUpload={"Parts": done},
                )

    @asynccontextmanager
    async def _upload(self, key: str) -> AsyncIterator[str]:
        """A multipart upload, aborted unless all goes well, also when cancelled in the moment it begins."""
        beginning = create_task(
            self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType="application/octet-stream"
            )
        )
        try:
            with _storage():
                begun = await finished(beginning)
            yield begun["UploadId"]
        except BaseException:
            await finished(self._undo(key, beginning))
            raise

    async def _undo(self, key: str, beginning: "Task[CreateMultipartUploadOutputTypeDef]") -> None:
        """What cannot be aborted now is left to `sweep`: the reason for aborting matters more."""
        with suppress(FileMissing, FileStoreUnavailable), _storage():
            await self._abort(key, (await beginning)["UploadId"])

    async def _abort(self, key: str, upload: str) -> None:
        await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)


async def _parts(content: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The content in parts; only the last one is shorter than the others, and none is empty."""
    gathered = bytearray()
    async for chunk in content:
        gathered += chunk
        while len(gathered) >= PART_BYTES:
            with memoryview(gathered) as view:
                part = bytes(view[:PART_BYTES])
            del gathered[:PART_BYTES]
            yield part
    if gathered:
        yield bytes(gathered)


class _BeyondTheEnd(Exception):
    """The file has no byte of the range that was asked for."""


@contextmanager
def _storage() -> Iterator[None]:
    """The client's errors in the words of the port."""
    try:
        yield
    except ClientError as refused:
        code = str(refused.response.get("Error", {}).get("Code"))
        if code in ("NoSuchKey", "404"):
            raise FileMissing(code) from None
        if code in ("InvalidRange", "416"):
            raise _BeyondTheEnd from None
        raise FileStoreUnavailable(code) from None
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError, TimeoutError, OSError) as failed:
        raise FileStoreUnavailable(type(failed).__name__) from None

"""Files of patients in a folder, each encrypted with a key of its own that only the patient's data key opens.

A file is a header and frames. The header is its length (4 bytes, big-endian) and, in JSON, the file's key sealed for
the patient. A frame is up to 256 KiB of content under AES-256-GCM; the nonce is the number of the frame and whether
it is the last one, so frames cannot be moved, left out or cut off unnoticed (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). Destroying the patient's data key makes every copy of the file unreadable.
"""

import asyncio
import base64
import contextlib
import os
import struct
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from file_store import (
    FileHash,
    FileLimits,
    FileMissing,
    FileStoreUnavailable,
    MediaType,
    StoredFile,
    file_hash,
)
from file_store.admission import Admission
from file_store.media import HEAD_BYTES
from privacy.errors import SealBroken
from privacy.sealing import Sealers
from vocabulary.ids import TenantId, tenant_id
from vocabulary.sealed import Sealed

FRAME_BYTES: Final = 256 * 1024
_TAG_BYTES: Final = 16
_KEY_FIELD: Final = "file.key"
_LONGEST_HEADER: Final = 4096


class SealedFolder:
    """PDF files under `root/<tenant>/<patient>/<hash of the content>`, for the owner of the process only.

    A file is written beside, flushed to the disk and renamed into place, so its address holds all of it or nothing.
    """

    def __init__(self, root: Path, sealers: Sealers) -> None:
        self._root, self._sealers = root, sealers

    async def put(
        self,
        tenant: TenantId,
        subject: UUID,
        content: AsyncIterable[bytes],
        *,
        max_bytes: int,
        declared_type: str | None = None,
    ) -> StoredFile:
        """See `DocumentFiles`."""
        admission = Admission(
            name="document.pdf",
            declared_type=declared_type,
            limits=FileLimits(max_bytes=max_bytes, media_types=frozenset({MediaType.PDF})),
        )
        key = AESGCM.generate_key(256)
        text = base64.b64encode(key).decode()
        sealed = await self._sealers.of(tenant).seal(subject, _KEY_FIELD, text)
        folder = self._root / tenant_id(tenant) / str(subject)
        incoming = await asyncio.to_thread(_Incoming, folder, key, msgspec.json.encode(sealed))
        head = b""
        try:
            async for frame, last in _frames(content, admission):
                head = head or frame[:HEAD_BYTES]
                admission.digest(frame)
                await asyncio.to_thread(incoming.write, frame, last=last)
            # A PDF is told by its first bytes, and nothing else is let in.
            stored = admission.settle(BytesIO(head))
            await asyncio.to_thread(incoming.settle, stored.digest)
            return stored
        finally:
            await asyncio.shield(asyncio.to_thread(incoming.discard))

    async def open(
        self, tenant: TenantId, subject: UUID, digest: FileHash
    ) -> AsyncGenerator[bytes, None]:
        """See `DocumentFiles`."""
        outgoing = _Outgoing(self._path(tenant, subject, digest))
        try:
            sealed = await asyncio.to_thread(outgoing.header)
            if sealed.subject != subject:
                raise SealBroken(subject, _KEY_FIELD)
            text = await self._sealers.of(tenant).open(sealed)
            cipher = AESGCM(base64.b64decode(text))
            number, frame = 0, await asyncio.to_thread(outgoing.frame)
            while True:
                following = await asyncio.to_thread(outgoing.frame)
                try:
                    yield cipher.decrypt(_nonce(number, last=not following), frame, None)
                except InvalidTag as wrong:
                    raise SealBroken(subject, "file") from wrong
                if not following:
                    return
                number, frame = number + 1, following
        finally:
            await asyncio.shield(asyncio.to_thread(outgoing.close))

    def _path(self, tenant: TenantId, subject: UUID, digest: FileHash) -> Path:
        # Checked, neither can leave the folder.
        return self._root / tenant_id(tenant) / str(subject) / file_hash(digest)


class _Incoming:
    """A temporary file beside its address to be; opened, written and removed in threads."""

    def __init__(self, folder: Path, key: bytes, header: bytes) -> None:
        self._folder, self._cipher, self._number = folder, AESGCM(key), 0
        with _storage():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
            self._file, self._path = os.fdopen(descriptor, "wb"), Path(name)
            self._file.write(struct.pack(">I", len(header)) + header)

    def write(self, frame: bytes, *, last: bool) -> None:
        with _storage():
            self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), frame, None))
        self._number += 1

    def settle(self, digest: FileHash) -> None:
        with _storage():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._path.replace(self._folder / digest)
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def discard(self) -> None:
        """Also behind `settle`: then there is nothing under the temporary name."""
        with _storage():
            self._file.close()
            self._path.unlink(missing_ok=True)


class _Outgoing:
    """A stored file, opened by its first read in a thread, so that `close` always finds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def header(self) -> Sealed[str]:
        with _storage():
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError as missing:
                raise FileMissing(self._path.name) from missing
            (length,) = struct.unpack(">I", self._file.read(4).rjust(4, b"\xff"))
            header = self._file.read(min(length, _LONGEST_HEADER))
        try:
            return msgspec.json.decode(header, type=Sealed[str])
        except msgspec.DecodeError:
            raise SealBroken(UUID(self._path.parent.name), _KEY_FIELD) from None

    def frame(self) -> bytes:
        with _storage():
            return b"" if self._file is None else self._file.read(FRAME_BYTES + _TAG_BYTES)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


async def _frames(
    content: AsyncIterable[bytes], admission: Admission
) -> AsyncIterator[tuple[bytes, bool]]:
    """The admitted content in frames, with whether it is the last one."""
    gathered = bytearray()
    async for chunk in content:
        admission.take(chunk)
        gathered += chunk
        while len(gathered) > FRAME_BYTES:
            yield bytes(gathered[:FRAME_BYTES]), False
            del gathered[:FRAME_BYTES]
    if gathered:
        yield bytes(gathered), True


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


@contextlib.contextmanager
def _storage() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise FileStoreUnavailable(failed.strerror) from failed

"""Files of people: encrypted before anything is written, and unchanged or not read at all.

A stored file is a header and frames. The header is four bytes that name this format, the id of the person, and, sealed
for that person, the file's own random key together with the hash and the size of the content. A frame is 256 KiB of
content under AES-256-GCM with the file's key; the nonce is the number of the frame, so frames cannot be moved, and the
sealed size says how many there are, so none can be left out or cut off (the idea of the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015, with the size in place of its mark on the last frame). Every frame can be read by
itself, so a range costs no more than its own frames.
"""

import hashlib
import io
import struct
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typing_extensions import override

from file_store.admission import Admission, FileHash, FileLimits, StoredFile, file_hash
from file_store.folder import storage
from file_store.port import FileAddress, FileStore, check_range
from file_store.waiting import in_thread
from privacy.errors import SealBroken
from privacy.sealing import Sealers
from vocabulary.ids import TenantId
from vocabulary.sealed import Sealed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FRAME_BYTES: Final = 256 * 1024
"""How much content a frame holds; only the last one holds less."""

_FORMAT: Final = b"KBF1"
_HEADER: Final = struct.Struct(">4s16s114s")
_INSIDE: Final = struct.Struct(">32s32sQ")  # 72 bytes, 98 in JSON, 114 sealed
_TAG_BYTES: Final = 16
_SEALED_FRAME_BYTES: Final = FRAME_BYTES + _TAG_BYTES

# Field names are part of the seals: stored for ever.
_HEADER_FIELD: Final = "file.header"
_ADDRESS_FIELD: Final = "file.address"


class SealedFiles:
    """Files by the hash of their content, each tenant's and each person's apart, over any `FileStore`.

    Only the data key of the person opens them; destroying it makes every copy unreadable. Both methods raise
    `SubjectErased` and `KeyUnavailable` for the key, `FileStoreUnavailable` for the storage.
    """

    def __init__(self, store: FileStore, sealers: Sealers) -> None:
        self._store, self._sealers = store, sealers

    async def put(
        self,
        tenant: TenantId,
        subject: UUID,
        content: AsyncIterable[bytes],
        *,
        name: str,
        declared_type: str | None = None,
        limits: FileLimits,
    ) -> StoredFile:
        """Store the content for the person, or raise a `FileRejected` and keep nothing.

        `name` and `declared_type` are what the sender says; the content must agree with the name's extension. The
        stream is read no further than the first byte too many. Equal content of one person is one file: what is
        already there stays as it is.
        """
        admission = Admission(name=name, declared_type=declared_type, limits=limits)
        await self._sealers.cipher(tenant, subject)  # no key, no upload
        spool = _Spool()
        try:
            async for frame in _pieces(_admitted(content, admission), FRAME_BYTES):
                await in_thread(spool.write, frame, admission)
            stored = await in_thread(admission.settle, spool.plain())
            address = await self._address(tenant, subject, stored.digest)
            if not await self._store.exists(tenant, address):
                header = await self._header(tenant, subject, stored, spool.key)
                async with aclosing(spool.sealed(header)) as sealed:
                    await self._store.put(tenant, address, sealed)
            return stored
        finally:
            await in_thread(spool.close)

    async def open(
        self,
        tenant: TenantId,
        subject: UUID,
        digest: FileHash,
        *,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to but without `end`, in chunks; no bytes beyond the file. Every byte is checked
        before it is given out. A reader that leaves early closes the generator (`contextlib.aclosing`).

        Raises `FileMissing` at the first step, `SealBroken` for a file that was changed, `ValueError` for a range
        that is none.
        """
        check_range(start, end)
        address = await self._address(tenant, subject, digest)
        cipher, size = await self._opened(tenant, subject, digest, address)
        end = size if end is None else min(end, size)
        if start >= end:
            return
        number, stop = start // FRAME_BYTES, -(-end // FRAME_BYTES)
        chunks = self._store.open(
            tenant,
            address,
            start=_HEADER.size + number * _SEALED_FRAME_BYTES,
            end=_HEADER.size + stop * _SEALED_FRAME_BYTES,
        )
        async with aclosing(chunks):
            async for frame in _pieces(chunks, _SEALED_FRAME_BYTES):
                try:
                    plain = cipher.decrypt(_nonce(number), frame, None)
                except InvalidTag as wrong:
                    raise SealBroken(subject, "file") from wrong
                begins = number * FRAME_BYTES
                yield plain[max(0, start - begins) : end - begins]
                number += 1
        if number < stop:
            raise SealBroken(subject, "file")

    async def _address(self, tenant: TenantId, subject: UUID, digest: FileHash) -> FileAddress:
        """Known only to who has the person's key, and the same for the same content."""
        sealed = await self._sealers.of(tenant).seal(subject, _ADDRESS_FIELD, file_hash(digest))
        return FileAddress(hashlib.sha256(sealed.cipher.encode()).hexdigest())

    async def _header(
        self, tenant: TenantId, subject: UUID, stored: StoredFile, key: bytes
    ) -> bytes:
        inside = _INSIDE.pack(key, bytes.fromhex(stored.digest), stored.size)
        sealed = await self._sealers.of(tenant).seal(subject, _HEADER_FIELD, inside)
        return _HEADER.pack(_FORMAT, subject.bytes, urlsafe_b64decode(sealed.cipher))

    async def _opened(
        self, tenant: TenantId, subject: UUID, digest: FileHash, address: FileAddress
    ) -> tuple[AESGCM, int]:
        """The file's cipher and the size of its content, if it is the file that was asked for."""
        async with aclosing(self._store.open(tenant, address, end=_HEADER.size)) as chunks:
            header = b"".join([chunk async for chunk in chunks])
        broken = SealBroken(subject, _HEADER_FIELD)
        if len(header) != _HEADER.size:
            raise broken
        named, owner, closed = _HEADER.unpack(header)
        if (named, owner) != (_FORMAT, subject.bytes):
            raise broken
        sealed = Sealed[bytes](
            subject=subject, field=_HEADER_FIELD, cipher=urlsafe_b64encode(closed).decode()
        )
        inside = await self._sealers.of(tenant).open(sealed, bytes)
        key, content, size = _INSIDE.unpack(inside)
        if content.hex() != digest:
            raise broken
        return AESGCM(key), size


async def begun(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The chunks, the first of them already read: a file that cannot be opened is an error here, before its reader
    has been promised anything. Closing the answer closes the chunks."""
    first = await anext(chunks, b"")

    async def rest() -> AsyncGenerator[bytes, None]:
        async with aclosing(chunks):
            yield first
            async for chunk in chunks:
                yield chunk

    return rest()


class _Spool:
    """The frames of a file whose address, which follows from its content, is not known yet.

    The first of them stay in memory, more go to a temporary file without a name, which the system removes with the
    process. What is on the disk is sealed already.
    """

    def __init__(self) -> None:
        self.key = AESGCM.generate_key(256)
        self._cipher = AESGCM(self.key)
        self._file = tempfile.SpooledTemporaryFile(max_size=4 * _SEALED_FRAME_BYTES)  # noqa: SIM115 # see close
        self._sizes: list[int] = []

    def write(self, frame: bytes, admission: Admission) -> None:
        admission.digest(frame)
        with storage():
            self._file.write(self._cipher.encrypt(_nonce(len(self._sizes)), frame, None))
        self._sizes.append(len(frame))

    def plain(self) -> io.BufferedReader:
        """The content, as a file to look into."""
        return io.BufferedReader(_Plain(self), FRAME_BYTES)

    async def sealed(self, header: bytes) -> AsyncGenerator[bytes, None]:
        """What is to be stored."""
        yield header
        for number in range(len(self._sizes)):
            yield await in_thread(self._frame, number)

    def close(self) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        return sum(self._sizes)

    def content(self, number: int) -> bytes:
        """What is in one frame; nothing behind the last one."""
        if number >= len(self._sizes):
            return b""
        return self._cipher.decrypt(_nonce(number), self._frame(number), None)

    def _frame(self, number: int) -> bytes:
        with storage():
            self._file.seek(number * _SEALED_FRAME_BYTES)
            return self._file.read(_SEALED_FRAME_BYTES)


class _Plain(io.RawIOBase):
    """Reads a spool; the reader in front of it keeps what was read."""

    def __init__(self, spool: _Spool) -> None:
        super().__init__()
        self._spool, self._at = spool, 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._spool.size}[whence]
        self._at = origin + offset
        return self._at

    @override
    def tell(self) -> int:
        return self._at

    @override
    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer)
        number, within = divmod(self._at, FRAME_BYTES)
        found = self._spool.content(number)[within : within + len(target)]
        target[: len(found)] = found
        self._at += len(found)
        return len(found)


async def _admitted(content: AsyncIterable[bytes], admission: Admission) -> AsyncIterator[bytes]:
    async for chunk in content:
        admission.take(chunk)
        yield chunk


async def _pieces(chunks: AsyncIterable[bytes], count: int) -> AsyncIterator[bytes]:
    """The same bytes, `count` at a time; the last ones may be fewer."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        while len(gathered) >= count:
            yield bytes(gathered[:count])
            del gathered[:count]
    if gathered:
        yield bytes(gathered)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")

"""What a context lets in, and the checks while a file comes in."""

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, NewType

from file_store.errors import (
    FileEmpty,
    FileMissing,
    FileTooLarge,
    FileTypeMismatch,
    FileTypeNotAllowed,
)
from file_store.media import HEAD_BYTES, MediaType, by_name, detect, possible

FileHash = NewType("FileHash", str)
"""SHA-256 of a file's content in 64 lower-case hex digits: how facts name the file."""

_HASH = re.compile(r"[0-9a-f]{64}")


def file_hash(text: str) -> FileHash:
    """Check a hash that came from outside; raises `FileMissing`, for no file has another."""
    if not _HASH.fullmatch(text):
        raise FileMissing("a file's hash has 64 hex digits")
    return FileHash(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """What a context lets in: at most `max_bytes` bytes of one of the `media_types`."""

    max_bytes: int
    media_types: frozenset[MediaType]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A stored file: the hash of its content, its size in bytes, and its type as its content shows.

    The name is not kept here: it may be personal and belongs, sealed, to the fact that mentions
    the file.
    """

    digest: FileHash
    size: int
    media_type: MediaType


class Admission:
    """One incoming file: `take` and `digest` all of it, then `settle` on what was written.

    Size and the first bytes are checked while taking, so a file that cannot be let in is refused
    before the rest of it is sent.
    """

    def __init__(self, *, name: str, declared_type: str | None, limits: FileLimits) -> None:
        self._limits = limits
        self._promised = _promised(name, declared_type)
        self._digest = hashlib.sha256()
        self._head = b""
        self._size = 0
        if not self._promised & limits.media_types:
            raise FileTypeNotAllowed("the name or type of the file is not allowed here")

    def take(self, chunk: bytes) -> None:
        """Check the next chunk; raises a `FileRejected` as soon as one is certain. Cheap."""
        self._size += len(chunk)
        if self._size > self._limits.max_bytes:
            raise FileTooLarge(self._limits.max_bytes)
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES:
                self._check(possible(self._head))

    def digest(self, block: bytes) -> None:
        """Hash the next block of what was taken; a thread's work when the block is large."""
        self._digest.update(block)

    def settle(self, file: BinaryIO) -> StoredFile:
        """What was let in, by the content of the seekable `file`; reads it, so use a thread."""
        if not self._size:
            raise FileEmpty("the file is empty")
        media_type = detect(file)
        if media_type is None:
            raise FileTypeNotAllowed("the content is of no allowed type")
        self._check(frozenset({media_type}))
        return StoredFile(
            digest=FileHash(self._digest.hexdigest()), size=self._size, media_type=media_type
        )

    def _check(self, found: frozenset[MediaType]) -> None:
        if not found & self._limits.media_types:
            raise FileTypeNotAllowed("the content is of no allowed type")
        if not found & self._promised:
            raise FileTypeMismatch("the content is of another type than the name or type says")


def _promised(name: str, declared_type: str | None) -> frozenset[MediaType]:
    """What name and sender agree on; senders often know no better than `octet-stream`."""
    named = by_name(name)
    if named is None:
        raise FileTypeNotAllowed("the extension of the file's name is not allowed")
    known = (declared_type or "").partition(";")[0].strip().lower()
    if known in set(MediaType) and known != named:
        raise FileTypeMismatch("the declared type and the extension of the name differ")
    return frozenset({named})

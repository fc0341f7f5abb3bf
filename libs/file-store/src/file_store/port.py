"""The port of file stores and its values."""

import re
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from typing import NewType, Protocol

from file_store.errors import FileMissing
from file_store.media import MediaType
from vocabulary.ids import TenantId

FileHash = NewType("FileHash", str)
"""SHA-256 of the content in 64 lower-case hex digits; also the file's address in the store."""

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
    """A stored file: its hash, its size in bytes, and its type as its content shows.

    The name is not kept here: it may be personal and belongs, sealed, to the fact that mentions
    the file.
    """

    digest: FileHash
    size: int
    media_type: MediaType


class FileStore(Protocol):
    """Files of tenants, addressed by content. No file is ever whole in memory.

    Storing equal content twice gives one file, so only delete what no other fact refers to. Every
    method raises `FileStoreUnavailable` when the storage fails.
    """

    async def put(
        self,
        tenant: TenantId,
        content: AsyncIterable[bytes],
        *,
        name: str,
        declared_type: str | None = None,
        limits: FileLimits,
    ) -> StoredFile:
        """Store the content, or raise a `FileRejected` and keep nothing.

        `name` and `declared_type` are what the sender says; the content must agree with the name's
        extension. The stream is read no further than the first byte too many.
        """
        ...

    def open(
        self, tenant: TenantId, digest: FileHash, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to but without `end`, in chunks; no bytes beyond the file.
        A reader that leaves early closes the generator (`contextlib.aclosing`).

        Raises `FileMissing` at the first step, `ValueError` for a range that is none.
        """
        ...

    async def exists(self, tenant: TenantId, digest: FileHash) -> bool:
        """Whether the tenant has this file."""
        ...

    async def delete(self, tenant: TenantId, digest: FileHash) -> None:
        """Remove the file; nothing happens when it is not there."""
        ...

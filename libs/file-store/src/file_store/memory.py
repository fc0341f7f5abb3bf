"""A file store in memory, for tests."""

import io
from collections.abc import AsyncGenerator, AsyncIterable

from file_store.admission import Admission
from file_store.errors import FileMissing
from file_store.port import FileHash, FileLimits, StoredFile
from vocabulary.ids import TenantId


class MemoryFileStore:
    """Keeps what it is given as bytes; the same checks as any other store."""

    def __init__(self, *, chunk_bytes: int = 64 * 1024) -> None:
        self._chunk_bytes = chunk_bytes
        self._files: dict[tuple[TenantId, FileHash], bytes] = {}

    async def put(
        self,
        tenant: TenantId,
        content: AsyncIterable[bytes],
        *,
        name: str,
        declared_type: str | None = None,
        limits: FileLimits,
    ) -> StoredFile:
        """See `FileStore`."""
        admission = Admission(name=name, declared_type=declared_type, limits=limits)
        incoming = io.BytesIO()
        async for chunk in content:
            admission.take(chunk)
            admission.digest(chunk)
            incoming.write(chunk)
        stored = admission.settle(incoming)
        self._files[tenant, stored.digest] = incoming.getvalue()
        return stored

    async def open(
        self, tenant: TenantId, digest: FileHash, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `FileStore`."""
        if start < 0 or (end is not None and end < start):
            raise ValueError("a range is 0 <= start <= end")
        content = self._files.get((tenant, digest))
        if content is None:
            raise FileMissing(digest)
        wanted = content[start:end]
        for at in range(0, len(wanted), self._chunk_bytes):
            yield wanted[at : at + self._chunk_bytes]

    async def exists(self, tenant: TenantId, digest: FileHash) -> bool:
        """See `FileStore`."""
        return (tenant, digest) in self._files

    async def delete(self, tenant: TenantId, digest: FileHash) -> None:
        """See `FileStore`."""
        self._files.pop((tenant, digest), None)

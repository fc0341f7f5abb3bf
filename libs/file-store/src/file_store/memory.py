"""A file store in memory, for tests."""

from collections.abc import AsyncGenerator, AsyncIterable

from file_store.errors import FileMissing
from file_store.port import FileAddress, check_range
from vocabulary.ids import TenantId


class MemoryFileStore:
    """Keeps what it is given as bytes."""

    def __init__(self, *, chunk_bytes: int = 64 * 1024) -> None:
        self._chunk_bytes = chunk_bytes
        self.files: dict[tuple[TenantId, FileAddress], bytes] = {}
        """Everything that is stored; tests look at it and damage it."""

    async def put(
        self, tenant: TenantId, address: FileAddress, content: AsyncIterable[bytes]
    ) -> None:
        """See `FileStore`."""
        self.files[tenant, address] = b"".join([chunk async for chunk in content])

    async def open(
        self, tenant: TenantId, address: FileAddress, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `FileStore`."""
        check_range(start, end)
        content = self.files.get((tenant, address))
        if content is None:
            raise FileMissing(address)
        wanted = content[start:end]
        for at in range(0, len(wanted), self._chunk_bytes):
            yield wanted[at : at + self._chunk_bytes]

    async def exists(self, tenant: TenantId, address: FileAddress) -> bool:
        """See `FileStore`."""
        return (tenant, address) in self.files

    async def delete(self, tenant: TenantId, address: FileAddress) -> None:
        """See `FileStore`."""
        self.files.pop((tenant, address), None)

    async def sweep(self, *, older_than_seconds: float) -> int:
        """See `FileStore`; nothing is left behind in a memory."""
        del older_than_seconds
        return 0

    async def check(self) -> None:
        """See `FileStore`."""

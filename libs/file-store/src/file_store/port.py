"""The port of file stores: bytes under addresses, which is all that a storage has to know of a file."""

import re
from collections.abc import AsyncGenerator, AsyncIterable
from typing import NewType, Protocol

from file_store.errors import FileMissing
from vocabulary.ids import TenantId

FileAddress = NewType("FileAddress", str)
"""Where a file lies in the store of its tenant: 64 lower-case hex digits."""

_ADDRESS = re.compile(r"[0-9a-f]{64}")


def file_address(text: str) -> FileAddress:
    """Check an address that came from outside; raises `FileMissing`, for no file has another."""
    if not _ADDRESS.fullmatch(text):
        raise FileMissing("a file's address has 64 hex digits")
    return FileAddress(text)


def check_range(start: int, end: int | None) -> None:
    """Raise `ValueError` for what is no range."""
    if start < 0 or (end is not None and end < start):
        raise ValueError("a range is 0 <= start <= end")


class FileStore(Protocol):
    """Bytes under addresses, each tenant's apart. No file is ever whole in memory.

    Nothing here looks into a file or hides it: services store through `SealedFiles`. Every method
    raises `FileStoreUnavailable` when the storage fails.
    """

    async def put(
        self, tenant: TenantId, address: FileAddress, content: AsyncIterable[bytes]
    ) -> None:
        """Store the content under the address, over what was there, whole or not at all.

        An error of `content` passes through. Broken off or cancelled, it leaves nothing behind.
        """
        ...

    def open(
        self, tenant: TenantId, address: FileAddress, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to but without `end`, in chunks; no bytes beyond the file.
        A reader that leaves early closes the generator (`contextlib.aclosing`).

        Raises `FileMissing` at the first step, `ValueError` for a range that is none.
        """
        ...

    async def exists(self, tenant: TenantId, address: FileAddress) -> bool:
        """Whether the tenant has a file there."""
        ...

    async def delete(self, tenant: TenantId, address: FileAddress) -> None:
        """Remove the file; nothing happens when it is not there."""
        ...

    async def sweep(self, *, older_than_seconds: float) -> int:
        """Remove what uploads cut off by a crash left behind; returns how many pieces.

        Younger ones may belong to another living process.
        """
        ...

    async def check(self) -> None:
        """Raise `FileStoreUnavailable` when the storage cannot be used now."""
        ...

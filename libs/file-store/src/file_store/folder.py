"""A file store in a folder of the local file system."""

import contextlib
import os
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from file_store.errors import FileMissing, FileStoreUnavailable
from file_store.port import FileAddress, check_range, file_address
from file_store.waiting import in_thread
from vocabulary.ids import TenantId, tenant_id

_CHUNK_BYTES = 256 * 1024

# No tenant's slug starts with a dot.
_INCOMING = ".incoming"


class FolderFileStore:
    """Files under `root/<tenant>/<first two digits>/<address>`, for the owner of the process only.

    A file is written beside, flushed to the disk and renamed into place, so its address holds all
    of it or nothing, whenever the process or the machine dies. All file access is in threads.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(
        self, tenant: TenantId, address: FileAddress, content: AsyncIterable[bytes]
    ) -> None:
        """See `FileStore`."""
        target = self._path(tenant, address)
        incoming = _Incoming(self._root / _INCOMING)
        try:
            async for block in _blocks(content):
                await in_thread(incoming.write, block)
            await in_thread(self._settle, incoming, target)
        finally:
            await in_thread(incoming.discard)

    async def open(
        self, tenant: TenantId, address: FileAddress, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `FileStore`."""
        check_range(start, end)
        outgoing = _Outgoing(self._path(tenant, address), start)
        left = float("inf") if end is None else end - start
        try:
            while chunk := await in_thread(outgoing.read, int(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk
        finally:
            await in_thread(outgoing.close)

    async def exists(self, tenant: TenantId, address: FileAddress) -> bool:
        """See `FileStore`."""
        return await in_thread(self._path(tenant, address).is_file)

    async def delete(self, tenant: TenantId, address: FileAddress) -> None:
        """See `FileStore`."""
        await in_thread(self._delete, self._path(tenant, address))

    async def sweep(self, *, older_than_seconds: float) -> int:
        """See `FileStore`."""
        return await in_thread(self._sweep, older_than_seconds)

    async def check(self) -> None:
        """See `FileStore`."""
        await in_thread(self._check)

    def _path(self, tenant: TenantId, address: FileAddress) -> Path:
        # Both may come from a URL; checked, neither can leave the folder.
        name = file_address(address)
        return self._root / tenant_id(tenant) / name[:2] / name

    def _settle(self, incoming: "_Incoming", target: Path) -> None:
        with storage():
            file = incoming.file()
            os.fsync(file.fileno())
            _make_folder(target.parent)
            Path(file.name).replace(target)
            for folder in (target.parent, target.parent.parent, self._root):
                _flush_folder(folder)

    def _delete(self, path: Path) -> None:
        with storage():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _flush_folder(path.parent)

    def _sweep(self, older_than_seconds: float) -> int:
        removed = 0
        with storage():
            for left in (self._root / _INCOMING).glob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if left.stat().st_mtime <= time.time() - older_than_seconds:
                        left.unlink()
                        removed += 1
        return removed

    def _check(self) -> None:
        with storage():
            _make_folder(self._root)
            if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(None, "the folder cannot be written")


class _Incoming:
    """A temporary file, made by its first use in a thread, so that `discard` always finds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None

    def file(self) -> BinaryIO:
        if self._file is None:
            _make_folder(self._folder)
            descriptor, path = tempfile.mkstemp(dir=self._folder)
            os.close(descriptor)
            self._file = Path(path).open("w+b", buffering=0)  # noqa: SIM115 # closed by discard
        return self._file

    def write(self, block: bytes) -> None:
        rest = memoryview(block)
        with storage():
            while rest:
                rest = rest[self.file().write(rest) :]

    def discard(self) -> None:
        """Close the file, and remove it where it still has its temporary name."""
        if self._file is not None:
            self._file.close()
            with storage():
                Path(self._file.name).unlink(missing_ok=True)


class _Outgoing:
    """A stored file, opened by its first read in a thread, so that `close` always finds it."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._start = start
        self._file: BinaryIO | None = None

    def read(self, count: int) -> bytes:
        with storage():
            if self._file is None:
                try:
                    self._file = self._path.open("rb", buffering=0)
                except FileNotFoundError as missing:
                    raise FileMissing(self._path.name) from missing
                self._file.seek(self._start)
            return self._file.read(count)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


async def _blocks(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The content in blocks worth a thread's while; a larger chunk stays one block."""
    gathered = bytearray()
    async for chunk in content:
        gathered += chunk
        if len(gathered) >= _CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _make_folder(folder: Path) -> None:
    """With its parents, each for the owner only; `mkdir` has its mode for the last one alone."""
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def storage() -> Iterator[None]:
    """Where a failing disk is an outage."""
    try:
        yield
    except OSError as failed:
        raise FileStoreUnavailable(failed.strerror) from failed

"""A file store in a folder of the local file system."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from file_store.admission import Admission
from file_store.errors import FileMissing, FileStoreUnavailable
from file_store.port import FileHash, FileLimits, StoredFile, file_hash
from vocabulary.ids import TenantId, tenant_id

P = ParamSpec("P")
R = TypeVar("R")

_CHUNK_BYTES = 256 * 1024

# No tenant's slug starts with a dot.
_INCOMING = ".incoming"


class FolderFileStore:
    """Files under `root/<tenant>/<first two digits>/<hash>`.

    A file is written beside, flushed to the disk and renamed into place, so its address holds all
    of it or nothing, whenever the process or the machine dies. All file access is in threads.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

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
        incoming = _Incoming(self._root / _INCOMING)
        try:
            async for block in _blocks(content, admission):
                await _in_thread(incoming.write, admission, block)
            return await _in_thread(self._settle, tenant, admission, incoming)
        finally:
            await _in_thread(incoming.discard)

    async def open(
        self, tenant: TenantId, digest: FileHash, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `FileStore`."""
        if start < 0 or (end is not None and end < start):
            raise ValueError("a range is 0 <= start <= end")
        outgoing = _Outgoing(self._path(tenant, digest), start)
        left = float("inf") if end is None else end - start
        try:
            while chunk := await _in_thread(outgoing.read, int(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk
        finally:
            await _in_thread(outgoing.close)

    async def exists(self, tenant: TenantId, digest: FileHash) -> bool:
        """See `FileStore`."""
        return await _in_thread(self._path(tenant, digest).is_file)

    async def delete(self, tenant: TenantId, digest: FileHash) -> None:
        """See `FileStore`."""
        await _in_thread(self._delete, self._path(tenant, digest))

    async def sweep(self, *, older_than_seconds: float = 86_400.0) -> int:
        """Remove what uploads cut off by a crash left behind; returns how many files.

        To be called at start; younger ones may belong to another living process.
        """
        return await _in_thread(self._sweep, older_than_seconds)

    def _path(self, tenant: TenantId, digest: FileHash) -> Path:
        # Both may come from a URL; checked, neither can leave the folder.
        name = file_hash(digest)
        return self._root / tenant_id(tenant) / name[:2] / name

    def _settle(self, tenant: TenantId, admission: Admission, incoming: "_Incoming") -> StoredFile:
        with _storage():
            file = incoming.file()
            stored = admission.settle(file)
            os.fsync(file.fileno())
            target = self._path(tenant, stored.digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(file.name).replace(target)
            for folder in (target.parent, target.parent.parent, self._root):
                _flush_folder(folder)
            return stored

    def _delete(self, path: Path) -> None:
        with _storage():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _flush_folder(path.parent)

    def _sweep(self, older_than_seconds: float) -> int:
        removed = 0
        with _storage():
            for left in (self._root / _INCOMING).glob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if left.stat().st_mtime <= time.time() - older_than_seconds:
                        left.unlink()
                        removed += 1
        return removed


class _Incoming:
    """A temporary file, made by its first use in a thread, so that `discard` always finds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None

    def file(self) -> BinaryIO:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(dir=self._folder)
            os.close(descriptor)
            self._file = Path(path).open("w+b", buffering=0)  # noqa: SIM115 # closed by discard
        return self._file

    def write(self, admission: Admission, block: bytes) -> None:
        admission.digest(block)
        rest = memoryview(block)
        with _storage():
            while rest:
                rest = rest[self.file().write(rest) :]

    def discard(self) -> None:
        """Close the file, and remove it where it still has its temporary name."""
        if self._file is not None:
            self._file.close()
            with _storage():
                Path(self._file.name).unlink(missing_ok=True)


class _Outgoing:
    """A stored file, opened by its first read in a thread, so that `close` always finds it."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._start = start
        self._file: BinaryIO | None = None

    def read(self, count: int) -> bytes:
        with _storage():
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


async def _blocks(content: AsyncIterable[bytes], admission: Admission) -> AsyncIterator[bytes]:
    """The admitted content in blocks worth a thread's while; a larger chunk stays one block."""
    gathered = bytearray()
    async for chunk in content:
        admission.take(chunk)
        gathered += chunk
        if len(gathered) >= _CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _storage() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise FileStoreUnavailable(failed.strerror) from failed


async def _in_thread(work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run blocking work; when cancelled, wait for its end, so that clean-up comes after it."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise

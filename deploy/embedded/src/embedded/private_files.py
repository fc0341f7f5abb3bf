"""Small files of the data directory: private ones, and the lock that says who uses it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class InUse(Exception):
    """A live process holds the lock; ``pid`` is its id, 0 when it had no time to write it."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(f"{path.parent} is in use by process {pid}")
        self.path = path
        self.pid = pid


class LockFile:
    """Held until released or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Raises ``InUse`` when another holder lives; taking it twice is harmless."""
        if self._handle is not None:
            return
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            written = os.read(handle, 20)
            os.close(handle)
            raise InUse(self._path, int(written or b"0")) from held
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Does nothing when it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def holder_of(path: Path) -> int | None:
    """The id of the live process that holds this lock."""
    if not path.exists():
        return None
    try:
        with LockFile(path):
            return None
    except InUse as held:
        return held.pid


def write_private(path: Path, content: str | bytes) -> None:
    """Writes a file that only its owner can read (0600): wholly or not at all, and for good."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

"""Why a file is not taken, not found, or not reachable."""

from vocabulary.errors import InvalidValue


class FileRejected(InvalidValue):
    """The file may not be stored; `code` is stable and may be shown to API clients."""

    code = "FILE_REJECTED"


class FileEmpty(FileRejected):
    """The file has no bytes."""

    code = "FILE_EMPTY"


class FileTooLarge(FileRejected):
    """The file has more bytes than the limit; `max_bytes` says how many there may be."""

    code = "FILE_TOO_LARGE"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"more than {max_bytes} bytes")
        self.max_bytes = max_bytes


class FileTypeNotAllowed(FileRejected):
    """The content is of no known type, or of one that the limits leave out."""

    code = "FILE_TYPE_NOT_ALLOWED"


class FileTypeMismatch(FileRejected):
    """The content is of another type than the file's name or the sender says."""

    code = "FILE_TYPE_MISMATCH"


class FileMissing(LookupError):
    """The tenant has no such file."""


class FileStoreUnavailable(Exception):
    """The storage cannot be read or written now; trying again later helps."""

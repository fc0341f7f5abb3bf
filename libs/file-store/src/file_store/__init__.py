"""Files by the hash of their content: one port, checks by content, adapters beside it."""

from file_store.errors import (
    FileEmpty,
    FileMissing,
    FileRejected,
    FileStoreUnavailable,
    FileTooLarge,
    FileTypeMismatch,
    FileTypeNotAllowed,
)
from file_store.media import MediaType
from file_store.port import FileHash, FileLimits, FileStore, StoredFile, file_hash

__all__ = [
    "FileEmpty",
    "FileHash",
    "FileLimits",
    "FileMissing",
    "FileRejected",
    "FileStore",
    "FileStoreUnavailable",
    "FileTooLarge",
    "FileTypeMismatch",
    "FileTypeNotAllowed",
    "MediaType",
    "StoredFile",
    "file_hash",
]

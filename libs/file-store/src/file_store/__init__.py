"""Files of people: checked by content, sealed, and kept in a folder or a bucket behind one port."""

from file_store.admission import FileHash, FileLimits, StoredFile, file_hash
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
from file_store.opening import open_file_store
from file_store.port import FileAddress, FileStore, file_address
from file_store.sealed import SealedFiles, begun

__all__ = [
    "FileAddress",
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
    "SealedFiles",
    "StoredFile",
    "begun",
    "file_address",
    "file_hash",
    "open_file_store",
]

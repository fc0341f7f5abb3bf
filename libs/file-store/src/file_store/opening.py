"""A file store by its URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from file_store.errors import FileStoreUnavailable
from file_store.folder import FolderFileStore
from file_store.port import FileStore

_DAY_SECONDS = 86_400.0


@asynccontextmanager
async def open_file_store(url: str) -> AsyncIterator[FileStore]:
    """The store under `file:///folder` or `s3://bucket/prefix?endpoint=...` (see `S3Place.parse`), until the context
    ends. What crashed uploads left a day ago is removed; a storage that is down now does not prevent the start.

    Raises `ValueError` for any other URL, without quoting it: it may hold a password.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            store = FolderFileStore(Path(unquote(parts.path)))
            await _sweep(store)
            yield store
        case "s3":
            # The client is large, and a service with a folder needs none.
            from file_store.s3 import S3FileStore, S3Place  # noqa: PLC0415

            async with S3FileStore.open_place(S3Place.parse(url)) as bucket:
                await _sweep(bucket)
                yield bucket
        case _:
            raise ValueError("a file store is file:///folder or s3://bucket/prefix")


async def _sweep(store: FileStore) -> None:
    with suppress(FileStoreUnavailable):
        await store.sweep(older_than_seconds=_DAY_SECONDS)

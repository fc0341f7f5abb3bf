"""The conformance suite of file stores, which every adapter runs, and samples of files.

A test module makes a subclass and a fixture `files` that gives an empty store.
"""

import asyncio
import hashlib
import io
import struct
import zipfile
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing

import pytest

from file_store.admission import FileLimits
from file_store.errors import (
    FileEmpty,
    FileMissing,
    FileRejected,
    FileTypeMismatch,
    FileTypeNotAllowed,
)
from file_store.media import MediaType
from file_store.port import FileAddress, FileStore
from vocabulary.ids import TenantId

NORTH, SOUTH = TenantId("north"), TenantId("south")
AT = FileAddress("0123456789abcdef" * 4)
ANYTHING = FileLimits(max_bytes=50_000_000, media_types=frozenset(MediaType))
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 1000 + b"\n%%EOF\n"


def archive(*names: str) -> bytes:
    """A ZIP archive with small entries of these names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as entries:
        for name in names:
            entries.writestr(name, f"content of {name}")
    return packed.getvalue()


def compound(*streams: str) -> bytes:
    """A compound file ([MS-CFB]) that is nothing but a header, a FAT and a directory."""
    fat = struct.pack("<3L", 0xFFFFFFFD, 2, 0xFFFFFFFE).ljust(512, b"\xff")
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(76, b"\0") + b"\xff" * 436)
    struct.pack_into("<HHHHH", header, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<L", header, 44, 1)
    struct.pack_into("<L", header, 48, 1)
    struct.pack_into("<L", header, 76, 0)
    directory = b"".join(_entry(name) for name in ("Root Entry", *streams))
    return bytes(header) + fat + directory.ljust(1024, b"\0")


def _entry(name: str) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return (encoded.ljust(64, b"\0") + struct.pack("<H", len(encoded))).ljust(128, b"\0")


SAMPLES: dict[str, tuple[bytes, MediaType]] = {
    "scan.pdf": (PDF, MediaType.PDF),
    "scan.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(600), MediaType.PNG),
    "photo.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(600), MediaType.JPEG),
    "PHOTO.JPEG": (b"\xff\xd8\xff\xe1", MediaType.JPEG),
    "notes.txt": ("Жалобы: кашель.\r\n\t<38°C".encode() * 100, MediaType.TXT),
    "old.txt": ("Жалобы: кашель".encode("cp1251"), MediaType.TXT),
    "letter.docx": (archive("[Content_Types].xml", "word/document.xml"), MediaType.DOCX),
    "table.xlsx": (archive("[Content_Types].xml", "xl/workbook.xml"), MediaType.XLSX),
    "all.zip": (archive("word/readme.txt", "b.png"), MediaType.ZIP),
    "letter.doc": (compound("1Table", "WordDocument"), MediaType.DOC),
    "table.xls": (compound("A", "B", "C", "D", "Workbook"), MediaType.XLS),
}
"""A file of each type, by name; `xls` shows its type in the second sector of its directory only."""

REFUSED: dict[str, tuple[bytes, type[FileRejected]]] = {
    "empty.txt": (b"", FileEmpty),
    "empty.pdf": (b"", FileEmpty),
    "virus.exe": (b"MZ\x90\0", FileTypeNotAllowed),
    "virus.pdf.exe": (PDF, FileTypeNotAllowed),
    "noname": (PDF, FileTypeNotAllowed),
    "virus.pdf": (b"MZ\x90\0" + bytes(600), FileTypeNotAllowed),
    "late.txt": (b"text " * 100_000 + b"\0", FileTypeNotAllowed),
    "page.txt": (b" <!DOCTYPE html><script>", FileTypeNotAllowed),
    "drawing.txt": (b"\xef\xbb\xbf<svg xmlns=''>", FileTypeNotAllowed),
    "scan.png": (PDF, FileTypeMismatch),
    "scan.txt": (PDF, FileTypeMismatch),
    "plain.docx": (archive("a.txt"), FileTypeMismatch),
    "letter.xlsx": (archive("[Content_Types].xml", "word/document.xml"), FileTypeMismatch),
    "hidden.zip": (archive("[Content_Types].xml", "word/document.xml"), FileTypeMismatch),
    "macros.docx": (
        archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
        FileTypeNotAllowed,
    ),
    "slides.zip": (archive("[Content_Types].xml", "ppt/slides.xml"), FileTypeNotAllowed),
    "cut.zip": (archive("a.txt")[:-10], FileTypeNotAllowed),
    "table.doc": (compound("Workbook"), FileTypeMismatch),
    "mail.doc": (compound("__properties"), FileTypeNotAllowed),
    "odd.doc": (
        compound("WordDocument").replace(b"\xfe\xff\x09\0", b"\xfe\xff\x07\0"),
        FileTypeNotAllowed,
    ),
    "long.doc": (
        compound("1", "2", "3", "WordDocument").replace(b"\2\0\0\0\xfe", b"\xf0\0\1\0\xfe"),
        FileTypeNotAllowed,
    ),
    "cut.doc": (compound("WordDocument")[:512], FileTypeNotAllowed),
}
"""Files that no store takes, by name, and why."""


class Upload:
    """A stream of chunks that remembers how many were asked for, and may break off."""

    def __init__(self, chunks: Iterable[bytes], *, breaks: Exception | None = None) -> None:
        self._chunks = chunks
        self._breaks = breaks
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.sent += 1
            yield chunk
        if self._breaks is not None:
            raise self._breaks


async def read(
    files: FileStore,
    address: FileAddress,
    *,
    tenant: TenantId = NORTH,
    start: int = 0,
    end: int | None = None,
) -> bytes:
    """All the bytes at an address or of a range of them."""
    chunks = files.open(tenant, address, start=start, end=end)
    return b"".join([chunk async for chunk in chunks])


def address_of(content: bytes) -> FileAddress:
    """An address for a content: any will do."""
    return FileAddress(hashlib.sha256(content).hexdigest())


def uneven(content: bytes) -> Upload:
    """The content in chunks of several sizes, one of them empty."""
    return Upload([content[:1], b"", content[1:700], content[700:]])


class FileStoreConformance:
    """What every file store keeps."""

    @pytest.mark.parametrize("size", [0, 1, 255 * 1024, 256 * 1024, 256 * 1024 + 1, len(PDF) * 3])
    async def test_what_was_put_is_read_back(self, files: FileStore, size: int) -> None:
        """Byte for byte."""
        content = (PDF * 3)[:size]
        await files.put(NORTH, AT, uneven(content))
        assert await files.exists(NORTH, AT)
        assert await read(files, AT) == content

    async def test_a_second_content_replaces_the_first(self, files: FileStore) -> None:
        """Addresses of content never need it; a repeated upload is no error."""
        for content in (PDF, PDF, b"other"):
            await files.put(NORTH, AT, uneven(content))
            assert await read(files, AT) == content

    async def test_a_stream_that_breaks_off_leaves_nothing(self, files: FileStore) -> None:
        """The sender's error passes through, and what was there stays."""
        broken = Upload([PDF], breaks=ConnectionResetError("gone"))
        with pytest.raises(ConnectionResetError):
            await files.put(NORTH, AT, broken)
        assert not await files.exists(NORTH, AT)
        await files.put(NORTH, AT, uneven(b"before"))
        with pytest.raises(ConnectionResetError):
            await files.put(NORTH, AT, broken)
        assert await read(files, AT) == b"before"

    async def test_a_cancelled_upload_leaves_nothing(self, files: FileStore) -> None:
        """Cancelled at whichever moment, the file is there whole or not at all."""
        for steps in range(20):
            upload = asyncio.create_task(files.put(NORTH, AT, uneven(PDF)))
            await asyncio.sleep(steps / 4000)
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
            if await files.exists(NORTH, AT):
                assert await read(files, AT) == PDF
                await files.delete(NORTH, AT)

    async def test_one_address_may_be_written_many_times_at_once(self, files: FileStore) -> None:
        """One of the contents is there, and no mixture."""
        contents = [bytes([number]) * 300_000 for number in range(8)]
        await asyncio.gather(*(files.put(NORTH, AT, uneven(each)) for each in contents))
        assert await read(files, AT) in contents

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (0, None),
            (0, 0),
            (0, 1),
            (0, 10),
            (10, 20),
            (100_000, None),
            (len(PDF) - 1, None),
            (len(PDF), None),
            (len(PDF) + 5, None),
            (len(PDF) + 5, len(PDF) + 9),
            (len(PDF) - 5, len(PDF) + 5),
        ],
    )
    async def test_a_range_is_read(self, files: FileStore, start: int, end: int | None) -> None:
        """Half open, and cut at the end of the file."""
        await files.put(NORTH, AT, uneven(PDF))
        assert await read(files, AT, start=start, end=end) == PDF[start:end]

    async def test_a_range_that_is_none_is_an_error(self, files: FileStore) -> None:
        """Negative positions and an end before the start are bugs of the caller."""
        await files.put(NORTH, AT, uneven(PDF))
        for start, end in ((-1, None), (5, 4)):
            with pytest.raises(ValueError, match="range"):
                await read(files, AT, start=start, end=end)

    async def test_a_reader_may_leave_early(self, files: FileStore) -> None:
        """The rest of the file is not needed to close it."""
        content = PDF * 20
        await files.put(NORTH, AT, uneven(content))
        for _ in range(20):  # more often than a store has connections
            async with aclosing(files.open(NORTH, AT)) as chunks:
                assert content.startswith(await anext(chunks))

    async def test_a_missing_file_is_missing(self, files: FileStore) -> None:
        """Deleting it is no error; an empty range of it is not there either."""
        assert not await files.exists(NORTH, AT)
        await files.delete(NORTH, AT)
        for end in (None, 0):
            with pytest.raises(FileMissing):
                await read(files, AT, end=end)

    async def test_a_deleted_file_is_gone_and_may_come_back(self, files: FileStore) -> None:
        """Deleting twice is as good as once."""
        await files.put(NORTH, AT, uneven(PDF))
        for _ in range(2):
            await files.delete(NORTH, AT)
            assert not await files.exists(NORTH, AT)
        with pytest.raises(FileMissing):
            await read(files, AT)
        await files.put(NORTH, AT, uneven(PDF))
        assert await read(files, AT) == PDF

    async def test_tenants_never_see_each_others_files(self, files: FileStore) -> None:
        """Not even under equal addresses."""
        await files.put(NORTH, AT, uneven(PDF))
        assert not await files.exists(SOUTH, AT)
        with pytest.raises(FileMissing):
            await read(files, AT, tenant=SOUTH)
        await files.put(SOUTH, AT, uneven(b"south"))
        assert await read(files, AT) == PDF
        await files.delete(NORTH, AT)
        assert await read(files, AT, tenant=SOUTH) == b"south"

    async def test_a_store_that_works_says_so_and_has_nothing_to_sweep(
        self, files: FileStore
    ) -> None:
        """Neither does any harm to what is stored."""
        await files.check()
        await files.put(NORTH, AT, uneven(PDF))
        assert await files.sweep(older_than_seconds=0) == 0
        await files.check()
        assert await read(files, AT) == PDF

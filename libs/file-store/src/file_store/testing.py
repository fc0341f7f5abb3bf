"""The conformance suite of file stores: every adapter runs it.

A test module makes a subclass and a fixture `files` that gives an empty store.
"""

import asyncio
import hashlib
import io
import struct
import zipfile
from collections.abc import AsyncIterator, Iterable

import pytest

from file_store.errors import (
    FileEmpty,
    FileMissing,
    FileRejected,
    FileTooLarge,
    FileTypeMismatch,
    FileTypeNotAllowed,
)
from file_store.media import MediaType
from file_store.port import FileHash, FileLimits, FileStore, StoredFile
from vocabulary.ids import TenantId

NORTH, SOUTH = TenantId("north"), TenantId("south")
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


async def put(
    files: FileStore,
    content: bytes,
    name: str = "scan.pdf",
    *,
    tenant: TenantId = NORTH,
    limits: FileLimits = ANYTHING,
    declared_type: str | None = None,
) -> StoredFile:
    """Store `content`, sent in uneven chunks."""
    chunks = [content[:1], b"", content[1:700], content[700:]]
    return await files.put(
        tenant, Upload(chunks), name=name, limits=limits, declared_type=declared_type
    )


async def read(
    files: FileStore,
    digest: FileHash,
    *,
    tenant: TenantId = NORTH,
    start: int = 0,
    end: int | None = None,
) -> bytes:
    """All the bytes of a file or of a range of it."""
    return b"".join([chunk async for chunk in files.open(tenant, digest, start=start, end=end)])


def digest_of(content: bytes) -> FileHash:
    """The address that a content has."""
    return FileHash(hashlib.sha256(content).hexdigest())


def _up_to(max_bytes: int) -> FileLimits:
    return FileLimits(max_bytes=max_bytes, media_types=frozenset(MediaType))


class FileStoreConformance:
    """What every file store keeps."""

    @pytest.mark.parametrize("name", SAMPLES)
    async def test_a_file_of_each_type_is_stored_and_read_back(
        self, files: FileStore, name: str
    ) -> None:
        """The answer holds hash, size and the type that the content shows."""
        content, media_type = SAMPLES[name]
        stored = await put(files, content, name)
        assert stored == StoredFile(
            digest=digest_of(content), size=len(content), media_type=media_type
        )
        assert await read(files, stored.digest) == content

    @pytest.mark.requirement("CON-59")
    @pytest.mark.parametrize("name", REFUSED)
    async def test_other_files_are_refused_and_not_kept(self, files: FileStore, name: str) -> None:
        """Content decides, and it must agree with the name."""
        content, reason = REFUSED[name]
        with pytest.raises(reason):
            await put(files, content, name)
        assert not await files.exists(NORTH, digest_of(content))

    async def test_a_declared_type_must_agree_where_it_says_anything(
        self, files: FileStore
    ) -> None:
        """Senders that know no better say `octet-stream` or something nobody knows."""
        for vague in (
            None,
            "application/octet-stream",
            "application/x-pdf",
            "Application/PDF; a=b",
        ):
            assert (await put(files, PDF, declared_type=vague)).media_type is MediaType.PDF
        with pytest.raises(FileTypeMismatch):
            await put(files, PDF, declared_type="image/png")

    async def test_a_context_allows_its_own_types_only(self, files: FileStore) -> None:
        """What one context takes another refuses."""
        only_png = FileLimits(max_bytes=1_000_000, media_types=frozenset({MediaType.PNG}))
        with pytest.raises(FileTypeNotAllowed):
            await put(files, PDF, limits=only_png)
        with pytest.raises(FileTypeNotAllowed):
            await put(files, PDF, "scan.png", limits=only_png)
        assert not await files.exists(NORTH, digest_of(PDF))

    async def test_the_limit_is_the_last_size_that_is_let_in(self, files: FileStore) -> None:
        """One byte less and exactly the limit pass, one byte more does not."""
        for max_bytes in (len(PDF) + 1, len(PDF)):
            await put(files, PDF, limits=_up_to(max_bytes))
            await files.delete(NORTH, digest_of(PDF))
        with pytest.raises(FileTooLarge) as refused:
            await put(files, PDF, limits=_up_to(len(PDF) - 1))
        assert refused.value.max_bytes == len(PDF) - 1
        assert not await files.exists(NORTH, digest_of(PDF))

    async def test_a_refused_stream_is_not_read_to_its_end(self, files: FileStore) -> None:
        """Neither when it is too long nor when its first bytes are of no use."""
        long = Upload([PDF[:1000]] * 100)
        with pytest.raises(FileTooLarge):
            await files.put(NORTH, long, name="scan.pdf", limits=_up_to(3000))
        assert long.sent == 4
        useless = Upload([bytes(1000)] * 100)
        with pytest.raises(FileTypeNotAllowed):
            await files.put(NORTH, useless, name="scan.pdf", limits=ANYTHING)
        assert useless.sent == 1

    async def test_a_stream_that_breaks_off_leaves_nothing(self, files: FileStore) -> None:
        """The sender's error passes through."""
        with pytest.raises(ConnectionResetError):
            await files.put(
                NORTH,
                Upload([PDF], breaks=ConnectionResetError("gone")),
                name="scan.pdf",
                limits=ANYTHING,
            )
        assert not await files.exists(NORTH, digest_of(PDF))

    async def test_a_cancelled_upload_leaves_nothing(self, files: FileStore) -> None:
        """Cancelled at whichever moment, the file is there whole or not at all."""
        for steps in range(20):
            upload = asyncio.create_task(put(files, PDF))
            await asyncio.sleep(steps / 4000)
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
            if await files.exists(NORTH, digest_of(PDF)):
                assert await read(files, digest_of(PDF)) == PDF
                await files.delete(NORTH, digest_of(PDF))

    async def test_equal_content_is_one_file(self, files: FileStore) -> None:
        """Also when it comes many times at once."""
        stored = await asyncio.gather(*(put(files, PDF) for _ in range(8)))
        assert len(set(stored)) == 1
        assert await read(files, stored[0].digest) == PDF

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (0, None),
            (0, 0),
            (0, 10),
            (10, 20),
            (100_000, None),
            (len(PDF) - 1, None),
            (len(PDF), None),
            (len(PDF) + 5, None),
            (len(PDF) - 5, len(PDF) + 5),
        ],
    )
    async def test_a_range_is_read(self, files: FileStore, start: int, end: int | None) -> None:
        """Half open, and cut at the end of the file."""
        stored = await put(files, PDF)
        assert await read(files, stored.digest, start=start, end=end) == PDF[start:end]

    async def test_a_range_that_is_none_is_an_error(self, files: FileStore) -> None:
        """Negative positions and an end before the start are bugs of the caller."""
        stored = await put(files, PDF)
        for start, end in ((-1, None), (5, 4)):
            with pytest.raises(ValueError, match="range"):
                await read(files, stored.digest, start=start, end=end)

    async def test_a_reader_may_leave_early(self, files: FileStore) -> None:
        """The rest of the file is not needed to close it."""
        stored = await put(files, PDF * 4)
        chunks = files.open(NORTH, stored.digest)
        assert PDF.startswith((await anext(chunks))[: len(PDF)])
        await chunks.aclose()

    async def test_a_missing_file_is_missing(self, files: FileStore) -> None:
        """Deleting it is no error; a text that is no hash is nobody's file either."""
        digest = digest_of(b"never stored")
        assert not await files.exists(NORTH, digest)
        await files.delete(NORTH, digest)
        with pytest.raises(FileMissing):
            await read(files, digest)

    async def test_a_deleted_file_is_gone_and_may_come_back(self, files: FileStore) -> None:
        """Deleting twice is as good as once."""
        stored = await put(files, PDF)
        for _ in range(2):
            await files.delete(NORTH, stored.digest)
            assert not await files.exists(NORTH, stored.digest)
        with pytest.raises(FileMissing):
            await read(files, stored.digest)
        assert await put(files, PDF) == stored

    async def test_tenants_never_see_each_others_files(self, files: FileStore) -> None:
        """Not even of equal content."""
        stored = await put(files, PDF)
        assert not await files.exists(SOUTH, stored.digest)
        with pytest.raises(FileMissing):
            await read(files, stored.digest, tenant=SOUTH)
        await put(files, PDF, tenant=SOUTH)
        await files.delete(NORTH, stored.digest)
        assert await read(files, stored.digest, tenant=SOUTH) == PDF

"""Types of files, told by their content."""

import struct
from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO

_OFFICE = "application/vnd.openxmlformats-officedocument"


class MediaType(StrEnum):
    """The types that any context may allow (CON-56, CON-57)."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TXT = "text/plain"
    DOC = "application/msword"
    XLS = "application/vnd.ms-excel"
    DOCX = f"{_OFFICE}.wordprocessingml.document"
    XLSX = f"{_OFFICE}.spreadsheetml.sheet"
    ZIP = "application/zip"


_BY_EXTENSION = {
    ".pdf": MediaType.PDF,
    ".png": MediaType.PNG,
    ".jpg": MediaType.JPEG,
    ".jpeg": MediaType.JPEG,
    ".txt": MediaType.TXT,
    ".doc": MediaType.DOC,
    ".xls": MediaType.XLS,
    ".docx": MediaType.DOCX,
    ".xlsx": MediaType.XLSX,
    ".zip": MediaType.ZIP,
}

_SIGNATURES = {
    b"%PDF-": frozenset({MediaType.PDF}),
    b"\x89PNG\r\n\x1a\n": frozenset({MediaType.PNG}),
    b"\xff\xd8\xff": frozenset({MediaType.JPEG}),
    b"PK\x03\x04": frozenset({MediaType.ZIP, MediaType.DOCX, MediaType.XLSX}),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": frozenset({MediaType.DOC, MediaType.XLS}),
}

HEAD_BYTES = 512
"""How many first bytes tell which types a file can have."""

_BLOCK = 64 * 1024

# Bytes that no text has, in UTF-8 or in the one-byte Russian encodings.
_CONTROL = bytes(set(range(0x20)) - set(b"\t\n\f\r")) + b"\x7f"

# Texts that programs read as something else than text.
_NOT_PLAIN = (b"<!doctype", b"<html", b"<script", b"<?xml", b"<svg", b"{\\rtf", b"%!ps", b"#!")


def by_name(name: str) -> MediaType | None:
    """The type that a file's extension promises."""
    return _BY_EXTENSION.get(PurePath(name).suffix.lower())


def possible(head: bytes) -> frozenset[MediaType]:
    """The types that a file with these first bytes (`HEAD_BYTES` or the whole) can have."""
    for signature, types in _SIGNATURES.items():
        if head.startswith(signature):
            return types
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_NOT_PLAIN) or not _is_text(head):
        return frozenset()
    return frozenset({MediaType.TXT})


def detect(file: BinaryIO) -> MediaType | None:
    """The type of a seekable file, or `None` for any other; reads in small blocks."""
    file.seek(0)
    types = possible(file.read(HEAD_BYTES))
    if MediaType.ZIP in types:
        return _detect_zip(file)
    if MediaType.DOC in types:
        return _detect_compound(file)
    if MediaType.TXT in types:
        return MediaType.TXT if all(_is_text(block) for block in _blocks(file)) else None
    return next(iter(types), None)


def _is_text(block: bytes) -> bool:
    return len(block.translate(None, _CONTROL)) == len(block)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK):
        yield block


def _detect_zip(file: BinaryIO) -> MediaType | None:
    """Tell office documents from plain archives; documents with macros are neither."""
    names = _zip_names(file)
    if names is None or any(name.endswith("vbaProject.bin") for name in names):
        return None
    if "[Content_Types].xml" not in names:
        return MediaType.ZIP
    if any(name.startswith("word/document") for name in names):
        return MediaType.DOCX
    return MediaType.XLSX if "xl/workbook.xml" in names else None


def _zip_names(file: BinaryIO) -> set[str] | None:
    """The telling names in a ZIP's central directory (APPNOTE 4.3.12, 4.3.16).

    Walked entry by entry, because the standard library's reader takes the whole directory into
    memory and a hostile archive can be nothing but directory. ZIP64 is not read.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 22 - 0xFFFF))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return None
    count, _, offset = struct.unpack_from("<HLL", tail, at + 10)
    file.seek(offset)
    names = set()
    for _ in range(count):
        entry = file.read(46)
        if len(entry) < 46 or not entry.startswith(b"PK\x01\x02"):
            return None
        name_bytes, extra_bytes, comment_bytes = struct.unpack_from("<3H", entry, 28)
        name = file.read(name_bytes)
        file.seek(extra_bytes + comment_bytes, 1)
        if name.startswith((b"[Content_Types]", b"word/", b"xl/")):
            names.add(name.decode("ascii", "replace"))
    return names


def _detect_compound(file: BinaryIO) -> MediaType | None:
    """Word and Excel files of old are compound files ([MS-CFB]) with one telling stream."""
    names = set(_compound_names(file))
    if "WordDocument" in names:
        return MediaType.DOC
    return MediaType.XLS if names & {"Workbook", "Book"} else None


def _compound_names(file: BinaryIO) -> Iterator[str]:
    """Names of the streams, from the directory sectors that the header's own FAT list reaches."""
    file.seek(0)
    header = file.read(512)
    if len(header) < 512:
        return
    (shift,) = struct.unpack_from("<H", header, 30)
    (sector,) = struct.unpack_from("<L", header, 48)
    fat_sectors = struct.unpack_from("<109L", header, 76)
    if shift not in (9, 12):
        return
    length = 1 << shift
    for _ in range(64):
        file.seek((sector + 1) * length)
        directory = file.read(length)
        for at in range(0, len(directory) - 127, 128):
            (name_bytes,) = struct.unpack_from("<H", directory, at + 64)
            yield directory[at : at + max(0, min(name_bytes, 64) - 2)].decode(
                "utf-16-le", "replace"
            )
        index, within = divmod(sector, length // 4)
        if index >= len(fat_sectors) or fat_sectors[index] >= 0xFFFFFFFA:
            return
        file.seek((fat_sectors[index] + 1) * length + 4 * within)
        sector = int.from_bytes(file.read(4), "little")
        if sector >= 0xFFFFFFFA:
            return

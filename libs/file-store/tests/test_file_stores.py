"""Every file store runs the conformance suite; then what is particular to the folder."""

import os
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_store import (
    FileHash,
    FileLimits,
    FileMissing,
    FileStore,
    FileStoreUnavailable,
    FileTooLarge,
    MediaType,
    file_hash,
)
from file_store.folder import FolderFileStore
from file_store.media import detect
from file_store.memory import MemoryFileStore
from file_store.testing import (
    ANYTHING,
    NORTH,
    PDF,
    SAMPLES,
    FileStoreConformance,
    Upload,
    digest_of,
    put,
    read,
)
from vocabulary.ids import InvalidTenantId, TenantId


class TestMemoryFileStore(FileStoreConformance):
    @pytest.fixture
    def files(self) -> FileStore:
        return MemoryFileStore()


class TestFolderFileStore(FileStoreConformance):
    @pytest.fixture
    def files(self, tmp_path: Path) -> Iterator[FileStore]:
        yield FolderFileStore(tmp_path / "files")
        assert _names(tmp_path / "files/.incoming") == []


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


async def test_files_outlive_the_process(tmp_path: Path) -> None:
    stored = await put(FolderFileStore(tmp_path), PDF)
    assert await read(FolderFileStore(tmp_path), stored.digest) == PDF
    assert (tmp_path / "north" / stored.digest[:2] / stored.digest).read_bytes() == PDF


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileStoreUnavailable):
        await put(FolderFileStore(tmp_path / "file"), PDF)


async def test_no_hash_or_tenant_leads_out_of_the_folder(tmp_path: Path) -> None:
    files = FolderFileStore(tmp_path / "files")
    (tmp_path / "secret").write_bytes(b"secret")
    outside = FileHash("../../secret")
    for reach in (files.exists(NORTH, outside), read(files, outside), files.delete(NORTH, outside)):
        with pytest.raises(FileMissing):
            await reach
    with pytest.raises(InvalidTenantId):
        await files.exists(TenantId(".."), digest_of(PDF))
    with pytest.raises(FileMissing):
        file_hash("A" * 64)


async def test_uploads_cut_off_by_a_crash_are_swept_when_old(tmp_path: Path) -> None:
    files = FolderFileStore(tmp_path)
    stored = await put(files, PDF)
    for name, age in (("old", 3700), ("young", 3500)):
        left = tmp_path / ".incoming" / name
        left.write_bytes(PDF)
        touched = left.stat().st_mtime - age
        os.utime(left, (touched, touched))
    assert await files.sweep(older_than_seconds=3600) == 1
    assert _names(tmp_path / ".incoming") == ["young"]
    assert await files.exists(NORTH, stored.digest)


async def test_fifty_megabytes_never_are_in_memory(tmp_path: Path) -> None:
    files = FolderFileStore(tmp_path)
    limits = FileLimits(max_bytes=50_000_000, media_types=frozenset({MediaType.PDF}))
    block = b"%PDF-" + bytes(49_995)

    async def upload(chunks: int) -> None:
        stream = Upload(block for _ in range(chunks))
        stored = await files.put(NORTH, stream, name="scan.pdf", limits=limits)
        async for _ in files.open(NORTH, stored.digest):
            pass

    tracemalloc.start()
    try:
        await upload(1000)
        with pytest.raises(FileTooLarge):
            await upload(1001)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@given(
    st.sampled_from([content for content, _ in SAMPLES.values()]),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), max_size=8),
    st.integers(0, 2500),
)
def test_no_damage_to_a_file_breaks_its_inspection(
    content: bytes, damages: list[tuple[int, bytes]], length: int
) -> None:
    damaged = bytearray(content[:length])
    for at, garbage in damages:
        damaged[at : at + len(garbage)] = garbage
    assert detect(BytesIO(damaged)) in {None, *MediaType}


async def test_the_longest_chunk_may_be_larger_than_a_block(tmp_path: Path) -> None:
    content = PDF * 8
    stored = await FolderFileStore(tmp_path).put(
        NORTH, Upload([content]), name="scan.pdf", limits=ANYTHING
    )
    assert await read(FolderFileStore(tmp_path), stored.digest, start=300_000) == content[300_000:]

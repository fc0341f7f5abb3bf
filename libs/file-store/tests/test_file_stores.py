"""Every file store runs the conformance suite; then what is particular to the folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from file_store import FileAddress, FileMissing, FileStore, FileStoreUnavailable, file_address
from file_store.folder import FolderFileStore
from file_store.memory import MemoryFileStore
from file_store.s3 import S3FileStore
from file_store.testing import AT, NORTH, PDF, FileStoreConformance, read, uneven
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


@pytest.mark.integration
class TestS3FileStore(FileStoreConformance):
    @pytest.fixture
    def files(self, s3: S3FileStore) -> FileStore:
        return s3


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


async def test_files_outlive_the_process_and_are_the_owner_s_only(tmp_path: Path) -> None:
    root = tmp_path / "files"
    await FolderFileStore(root).put(NORTH, AT, uneven(PDF))
    assert await read(FolderFileStore(root), AT) == PDF
    path = root / "north" / AT[:2] / AT
    assert path.read_bytes() == PDF
    assert [each.stat().st_mode & 0o077 for each in (path, *path.parents[:3])] == [0, 0, 0, 0]


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    files = FolderFileStore(tmp_path / "file")
    with pytest.raises(FileStoreUnavailable):
        await files.put(NORTH, AT, uneven(PDF))
    with pytest.raises(FileStoreUnavailable):
        await files.check()


async def test_no_address_or_tenant_leads_out_of_the_store(tmp_path: Path, s3: S3FileStore) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    outside = FileAddress("../../secret")
    for files in (FolderFileStore(tmp_path / "files"), s3):
        with pytest.raises(FileMissing):
            await files.exists(NORTH, outside)
        with pytest.raises(FileMissing):
            await read(files, outside)
        with pytest.raises(FileMissing):
            await files.delete(NORTH, outside)
        with pytest.raises(FileMissing):
            await files.put(NORTH, outside, uneven(PDF))
        with pytest.raises(InvalidTenantId):
            await files.exists(TenantId(".."), AT)
    with pytest.raises(FileMissing):
        file_address("A" * 64)


async def test_uploads_cut_off_by_a_crash_are_swept_when_old(tmp_path: Path) -> None:
    files = FolderFileStore(tmp_path)
    await files.put(NORTH, AT, uneven(PDF))
    for name, age in (("old", 3700), ("young", 3500)):
        left = tmp_path / ".incoming" / name
        left.write_bytes(PDF)
        touched = left.stat().st_mtime - age
        os.utime(left, (touched, touched))
    assert await files.sweep(older_than_seconds=3600) == 1
    assert _names(tmp_path / ".incoming") == ["young"]
    assert await files.exists(NORTH, AT)

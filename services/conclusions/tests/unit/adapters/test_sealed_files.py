"""Files at rest: unreadable without the patient's key, and unchanged or not read at all."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from conclusions.adapters.sealed_files import FRAME_BYTES, SealedFolder
from file_store import FileEmpty, FileHash, FileMissing, FileTooLarge, FileTypeNotAllowed
from privacy.errors import SealBroken, SubjectErased
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from vocabulary.ids import TenantId

NORTH, SOUTH = TenantId("north"), TenantId("south")
ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
BORIS = UUID("01936f00-0000-7000-8000-00000000000b")
PLAIN = b"%PDF-1.7 " + "Кашель третий день".encode()
LIMIT = 4 * FRAME_BYTES


@pytest.fixture
def keyring() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def files(tmp_path: Path, keyring: MemoryKeyring) -> SealedFolder:
    return SealedFolder(tmp_path, Sealers(keyring))


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def read(
    files: SealedFolder, digest: str, *, tenant: TenantId = NORTH, subject: UUID = ANNA
) -> bytes:
    return b"".join([chunk async for chunk in files.open(tenant, subject, FileHash(digest))])


def at_rest(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "size", [600, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES]
)
async def test_what_was_put_is_read_again_byte_for_byte(files: SealedFolder, size: int) -> None:
    content = (PLAIN * (size // len(PLAIN) + 1))[:size]
    stored = await files.put(NORTH, ANNA, pieces(content), max_bytes=LIMIT)
    assert stored.size == size
    assert await read(files, stored.digest) == content


async def test_nothing_of_the_text_is_at_rest_and_only_the_owner_may_read(
    files: SealedFolder, tmp_path: Path
) -> None:
    await files.put(NORTH, ANNA, pieces(PLAIN), max_bytes=LIMIT)
    [path] = at_rest(tmp_path)
    assert "Кашель".encode() not in path.read_bytes()
    assert b"%PDF" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_equal_files_of_two_people_are_two_files(files: SealedFolder) -> None:
    stored = await files.put(NORTH, ANNA, pieces(PLAIN), max_bytes=LIMIT)
    with pytest.raises(FileMissing):
        await read(files, stored.digest, subject=BORIS)
    with pytest.raises(FileMissing):
        await read(files, stored.digest, tenant=SOUTH)


async def test_a_file_moved_to_another_person_does_not_open(
    files: SealedFolder, tmp_path: Path
) -> None:
    stored = await files.put(NORTH, ANNA, pieces(PLAIN), max_bytes=LIMIT)
    theirs = tmp_path / "north" / str(BORIS) / stored.digest
    theirs.parent.mkdir()
    at_rest(tmp_path)[0].rename(theirs)
    with pytest.raises(SealBroken):
        await read(files, stored.digest, subject=BORIS)


async def test_an_erased_person_s_files_are_gone_for_good(
    tmp_path: Path, keyring: MemoryKeyring
) -> None:
    stored = await SealedFolder(tmp_path, Sealers(keyring)).put(
        NORTH, ANNA, pieces(PLAIN), max_bytes=LIMIT
    )
    await keyring.destroy(NORTH, ANNA)
    with pytest.raises(SubjectErased):
        await read(SealedFolder(tmp_path, Sealers(keyring)), stored.digest)


@pytest.mark.parametrize("place", [2, 40, 300, -FRAME_BYTES, -1])
async def test_a_flipped_byte_is_found(files: SealedFolder, tmp_path: Path, place: int) -> None:
    stored = await files.put(NORTH, ANNA, pieces(PLAIN * 10_000), max_bytes=LIMIT)
    [path] = at_rest(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(SealBroken):
        await read(files, stored.digest)


@pytest.mark.parametrize("frames", [1, 2])
async def test_a_file_cut_at_the_end_of_a_frame_is_found(
    files: SealedFolder, tmp_path: Path, frames: int
) -> None:
    content = (PLAIN * FRAME_BYTES)[: 3 * FRAME_BYTES]
    stored = await files.put(NORTH, ANNA, pieces(content), max_bytes=LIMIT)
    [path] = at_rest(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - frames * (FRAME_BYTES + 16)])
    with pytest.raises(SealBroken):
        await read(files, stored.digest)


async def test_what_is_refused_leaves_nothing(files: SealedFolder, tmp_path: Path) -> None:
    for content, limit, refusal in (
        (b"", LIMIT, FileEmpty),
        (b"no document", LIMIT, FileTypeNotAllowed),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), LIMIT, FileTypeNotAllowed),
        (PLAIN, len(PLAIN) - 1, FileTooLarge),
    ):
        with pytest.raises(refusal):
            await files.put(NORTH, ANNA, pieces(content), max_bytes=limit)
    assert at_rest(tmp_path) == []
    assert await files.put(NORTH, ANNA, pieces(PLAIN), max_bytes=len(PLAIN))

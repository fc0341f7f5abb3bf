"""Files of people: checked on the way in, unreadable at rest, and unchanged or not read at all."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterable
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_store import (
    FileAddress,
    FileHash,
    FileLimits,
    FileMissing,
    FileStore,
    FileTooLarge,
    FileTypeMismatch,
    FileTypeNotAllowed,
    MediaType,
    SealedFiles,
    StoredFile,
    begun,
    file_hash,
)
from file_store.folder import FolderFileStore
from file_store.media import detect
from file_store.memory import MemoryFileStore
from file_store.s3 import S3FileStore
from file_store.sealed import FRAME_BYTES
from file_store.testing import ANYTHING, NORTH, PDF, REFUSED, SAMPLES, SOUTH, Upload, uneven
from privacy.errors import KeyUnavailable, SealBroken, SubjectErased
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from vocabulary.ids import TenantId

ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
BORIS = UUID("01936f00-0000-7000-8000-00000000000b")
SECRET = "Кашель третий день".encode()
LONG = (b"%PDF-1.7 " + SECRET * FRAME_BYTES)[: 3 * FRAME_BYTES]


@pytest.fixture
def keyring() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def store() -> MemoryFileStore:
    return MemoryFileStore(chunk_bytes=100_000)


@pytest.fixture
def files(store: MemoryFileStore, keyring: MemoryKeyring) -> SealedFiles:
    return SealedFiles(store, Sealers(keyring))


async def put(
    files: SealedFiles,
    content: bytes = PDF,
    name: str = "scan.pdf",
    *,
    tenant: TenantId = NORTH,
    subject: UUID = ANNA,
    limits: FileLimits = ANYTHING,
    declared_type: str | None = None,
) -> StoredFile:
    return await files.put(
        tenant, subject, uneven(content), name=name, limits=limits, declared_type=declared_type
    )


async def read(
    files: SealedFiles,
    digest: FileHash,
    *,
    tenant: TenantId = NORTH,
    subject: UUID = ANNA,
    start: int = 0,
    end: int | None = None,
) -> bytes:
    chunks = files.open(tenant, subject, digest, start=start, end=end)
    return b"".join([chunk async for chunk in chunks])


def _up_to(max_bytes: int) -> FileLimits:
    return FileLimits(max_bytes=max_bytes, media_types=frozenset(MediaType))


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_file_of_each_type_is_stored_and_read_back(files: SealedFiles, name: str) -> None:
    content, media_type = SAMPLES[name]
    stored = await put(files, content, name)
    digest = FileHash(hashlib.sha256(content).hexdigest())
    assert stored == StoredFile(digest=digest, size=len(content), media_type=media_type)
    assert await read(files, digest) == content


@pytest.mark.requirement("CON-59")
@pytest.mark.parametrize("name", REFUSED)
async def test_other_files_are_refused_and_not_kept(
    files: SealedFiles, store: MemoryFileStore, name: str
) -> None:
    content, reason = REFUSED[name]
    with pytest.raises(reason):
        await put(files, content, name)
    assert store.files == {}


async def test_a_declared_type_must_agree_where_it_says_anything(files: SealedFiles) -> None:
    for vague in (None, "application/octet-stream", "application/x-pdf", "Application/PDF; a=b"):
        assert (await put(files, declared_type=vague)).media_type is MediaType.PDF
    with pytest.raises(FileTypeMismatch):
        await put(files, declared_type="image/png")


async def test_a_context_allows_its_own_types_only(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    only_png = FileLimits(max_bytes=1_000_000, media_types=frozenset({MediaType.PNG}))
    for name in ("scan.pdf", "scan.png"):
        with pytest.raises(FileTypeNotAllowed):
            await put(files, PDF, name, limits=only_png)
    assert store.files == {}


async def test_the_limit_is_the_last_size_that_is_let_in(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    for max_bytes in (len(PDF) + 1, len(PDF)):
        await put(files, limits=_up_to(max_bytes))
        store.files.clear()
    with pytest.raises(FileTooLarge) as refused:
        await put(files, limits=_up_to(len(PDF) - 1))
    assert refused.value.max_bytes == len(PDF) - 1
    assert store.files == {}


async def test_a_refused_stream_is_not_read_to_its_end(files: SealedFiles) -> None:
    long = Upload([PDF[:1000]] * 100)
    with pytest.raises(FileTooLarge):
        await files.put(NORTH, ANNA, long, name="scan.pdf", limits=_up_to(3000))
    assert long.sent == 4
    useless = Upload([bytes(1000)] * 100)
    with pytest.raises(FileTypeNotAllowed):
        await files.put(NORTH, ANNA, useless, name="scan.pdf", limits=ANYTHING)
    assert useless.sent == 1


async def test_a_stream_that_breaks_off_leaves_nothing(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    broken = Upload([LONG], breaks=ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError):
        await files.put(NORTH, ANNA, broken, name="scan.pdf", limits=ANYTHING)
    assert store.files == {}


@pytest.mark.parametrize(
    "size", [600, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES]
)
async def test_any_range_of_a_file_of_any_length_is_read(files: SealedFiles, size: int) -> None:
    content = LONG[:size]
    stored = await put(files, content)
    edges = {0, 1, size - 1, size, size + 5}
    edges |= {at for at in (FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1) if at < size}
    for start in edges:
        for end in (None, *(edge for edge in edges if edge >= start)):
            assert await read(files, stored.digest, start=start, end=end) == content[start:end]
    for start, end in ((-1, None), (5, 4)):
        with pytest.raises(ValueError, match="range"):
            await read(files, stored.digest, start=start, end=end)


async def test_a_range_costs_its_own_frames_only(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    """A frame that is not asked for may be damaged."""
    stored = await put(files, LONG)
    _damage(store, -1)
    assert (
        await read(files, stored.digest, start=5, end=2 * FRAME_BYTES)
        == (LONG[5 : 2 * FRAME_BYTES])
    )
    with pytest.raises(SealBroken):
        await read(files, stored.digest, start=5, end=2 * FRAME_BYTES + 1)


async def test_a_reader_may_leave_early(files: SealedFiles) -> None:
    stored = await put(files, LONG)
    chunks = files.open(NORTH, ANNA, stored.digest)
    assert LONG.startswith(await anext(chunks))
    await chunks.aclose()


async def test_equal_content_of_one_person_is_one_file_and_the_first_one_stays(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    stored = await put(files)
    before = dict(store.files)
    assert await asyncio.gather(*(put(files) for _ in range(8))) == [stored] * 8
    assert store.files == before


@pytest.mark.parametrize("kind", ["memory", "folder", "s3"])
async def test_nothing_of_the_content_is_at_rest_anywhere(
    kind: str, tmp_path: Path, store: MemoryFileStore, s3: S3FileStore, keyring: MemoryKeyring
) -> None:
    """Not a piece of 16 bytes of it, nor the hash by which it could be recognised."""
    places: dict[str, FileStore] = {"memory": store, "folder": FolderFileStore(tmp_path), "s3": s3}
    place = places[kind]
    sealed = _Watched(place)
    files = SealedFiles(sealed, Sealers(keyring))
    stored = await put(files, LONG)
    assert await read(files, stored.digest) == LONG
    at_rest = [b"".join([chunk async for chunk in place.open(*at)]) for at in sealed.addresses]
    on_disk = _all_of(tmp_path)
    at_rest += on_disk.values()
    names = [*map(str, sealed.addresses), *map(str, on_disk)]
    assert sum(map(len, at_rest)) > len(LONG)
    digest = bytes.fromhex(stored.digest)
    for data in at_rest:
        assert b"%PDF" not in data
        assert not {data[at : at + 16] for at in range(len(data))} & {
            LONG[at : at + 16] for at in range(len(SECRET) + 16)
        }
        assert digest not in data
        assert stored.digest.encode() not in data
    assert all(stored.digest not in name for name in names)


def _all_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class _Watched:
    """A store that remembers where it was asked to put something."""

    def __init__(self, store: FileStore) -> None:
        self.addresses: list[tuple[TenantId, FileAddress]] = []
        self._store = store
        self.open, self.exists, self.delete = store.open, store.exists, store.delete
        self.sweep, self.check = store.sweep, store.check

    async def put(
        self, tenant: TenantId, address: FileAddress, content: AsyncIterable[bytes]
    ) -> None:
        self.addresses.append((tenant, address))
        await self._store.put(tenant, address, content)


async def test_equal_files_of_two_people_or_tenants_have_nothing_in_common(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    stored = await put(files)
    for tenant, subject in ((NORTH, BORIS), (SOUTH, ANNA)):
        with pytest.raises(FileMissing):
            await read(files, stored.digest, tenant=tenant, subject=subject)
        await put(files, tenant=tenant, subject=subject)
        assert await read(files, stored.digest, tenant=tenant, subject=subject) == PDF
    assert len({address for _, address in store.files}) == 3
    frames = {content[134:] for content in store.files.values()}
    assert len(frames) == 3


async def test_a_file_in_another_s_place_does_not_open(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    """Whether it is another person's, another tenant's, or another file of the same person."""
    asked = await put(files)
    [place] = store.files
    for content, tenant, subject in (
        (PDF, NORTH, BORIS),
        (PDF, SOUTH, ANNA),
        (LONG, NORTH, ANNA),
    ):
        known = set(store.files)
        await put(files, content, tenant=tenant, subject=subject)
        [other] = set(store.files) - known
        kept, store.files[place] = store.files[place], store.files[other]
        with pytest.raises(SealBroken):
            await read(files, asked.digest)
        store.files[place] = kept
    assert await read(files, asked.digest) == PDF


async def test_an_erased_person_s_files_are_gone_for_good(
    files: SealedFiles, store: MemoryFileStore, keyring: MemoryKeyring
) -> None:
    stored = await put(files)
    await keyring.destroy(NORTH, ANNA)
    later = SealedFiles(store, Sealers(keyring))
    with pytest.raises(SubjectErased):
        await read(later, stored.digest)
    upload = Upload([PDF])
    with pytest.raises(SubjectErased):
        await later.put(NORTH, ANNA, upload, name="scan.pdf", limits=ANYTHING)
    assert upload.sent == 0


async def test_without_a_key_nothing_is_stored(store: MemoryFileStore) -> None:
    class Unreachable:
        async def data_key(self, _tenant: TenantId, _subject: UUID) -> bytes:
            raise KeyUnavailable("identity is down")

    with pytest.raises(KeyUnavailable):
        await put(SealedFiles(store, Sealers(Unreachable())))
    assert store.files == {}


def _damage(store: MemoryFileStore, place: int, by: int = 1) -> None:
    [(at, content)] = store.files.items()
    damaged = bytearray(content)
    damaged[place] ^= by
    store.files[at] = bytes(damaged)


@pytest.mark.parametrize(
    "place", [*range(134), 134, 135, 134 + FRAME_BYTES, 134 + FRAME_BYTES + 16, -17, -16, -1]
)
async def test_a_flipped_byte_is_found(
    files: SealedFiles, store: MemoryFileStore, place: int
) -> None:
    stored = await put(files, LONG)
    _damage(store, place)
    with pytest.raises(SealBroken):
        await read(files, stored.digest)


@pytest.mark.parametrize("left", [0, 1, 133, 134, 135, 134 + FRAME_BYTES + 16, -FRAME_BYTES, -1])
async def test_a_file_cut_off_anywhere_is_found(
    files: SealedFiles, store: MemoryFileStore, left: int
) -> None:
    stored = await put(files, LONG)
    [(at, content)] = store.files.items()
    store.files[at] = content[:left]
    with pytest.raises(SealBroken):
        await read(files, stored.digest)
    with pytest.raises(SealBroken):
        await read(files, stored.digest, start=len(LONG) - 1)


async def test_frames_in_another_order_are_found(
    files: SealedFiles, store: MemoryFileStore
) -> None:
    stored = await put(files, LONG)
    [(at, content)] = store.files.items()
    frame = FRAME_BYTES + 16
    first, second = content[134 : 134 + frame], content[134 + frame : 134 + 2 * frame]
    store.files[at] = content[:134] + second + first + content[134 + 2 * frame :]
    with pytest.raises(SealBroken):
        await read(files, stored.digest)


async def test_a_text_that_is_no_hash_is_nobody_s_file(files: SealedFiles) -> None:
    for text in ("../../secret", "A" * 64, ""):
        with pytest.raises(FileMissing):
            await read(files, FileHash(text))
        with pytest.raises(FileMissing):
            file_hash(text)


async def test_an_answer_is_begun_only_when_there_is_something_to_answer() -> None:
    closed = False

    async def chunks(*given: bytes) -> AsyncGenerator[bytes, None]:
        nonlocal closed
        try:
            if not given:
                raise FileMissing
            for chunk in given:
                yield chunk
        finally:
            closed = True

    with pytest.raises(FileMissing):
        await begun(chunks())
    assert [chunk async for chunk in await begun(chunks(b"a", b"b"))] == [b"a", b"b"]
    closed = False
    answer = await begun(chunks(b"a", b"b"))
    assert await anext(answer) == b"a"
    await answer.aclose()
    assert closed


async def test_fifty_megabytes_never_are_in_memory(tmp_path: Path, keyring: MemoryKeyring) -> None:
    files = SealedFiles(FolderFileStore(tmp_path), Sealers(keyring))
    limits = FileLimits(max_bytes=50_000_000, media_types=frozenset({MediaType.PDF}))
    block = b"%PDF-" + bytes(49_995)

    async def upload(chunks: int) -> None:
        stream = Upload(block for _ in range(chunks))
        stored = await files.put(NORTH, ANNA, stream, name="scan.pdf", limits=limits)
        async for _ in files.open(NORTH, ANNA, stored.digest):
            pass

    tracemalloc.start()
    try:
        await upload(1000)
        with pytest.raises(FileTooLarge):
            await upload(1001)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000


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

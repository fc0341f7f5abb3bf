"""The files of a service, opened by its settings."""

from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from file_store import FileLimits, MediaType
from file_store.testing import PDF, Upload
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from service_kit.errors import ConfigurationError
from service_kit.files import open_files
from service_kit.settings import FileSettings
from service_kit.testing import make_kit
from vocabulary.ids import TenantId

NORTH, ANNA = TenantId("north"), UUID(int=1)


def settings(url: str) -> FileSettings:
    return FileSettings(
        port=0,
        database_url=SecretStr(""),
        bus_url=SecretStr(""),
        identity_url="",
        service_secret=SecretStr(""),
        files_url=SecretStr(url),
    )


async def test_files_are_sealed_in_the_store_that_the_url_names(tmp_path: Path) -> None:
    kit, limits = make_kit("kit"), FileLimits(max_bytes=10**6, media_types=frozenset(MediaType))
    async with open_files(settings(tmp_path.as_uri()), kit, Sealers(MemoryKeyring())) as files:
        stored = await files.put(NORTH, ANNA, Upload([PDF]), name="a.pdf", limits=limits)
        read = b"".join([chunk async for chunk in files.open(NORTH, ANNA, stored.digest)])
        assert read == PDF
        assert (await kit.health.report()).checks["files"] == "ok"
    [path] = (tmp_path / "north").glob("*/*")
    assert b"%PDF" not in path.read_bytes()


async def test_a_url_that_is_none_is_a_finding_and_not_quoted() -> None:
    with pytest.raises(ConfigurationError, match="FILES_URL") as refused:
        async with open_files(
            settings("ftp://key:secret@host"), make_kit("kit"), Sealers(MemoryKeyring())
        ):
            pass
    assert "secret" not in str(refused.value)

"""The service as the run loop opens it, over a real database that was empty."""

import base64
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from conclusions.bootstrap import open_conclusions
from conclusions.settings import ConclusionsSettings
from service_kit.testing import Tokens, api_client, make_kit

PATIENT = UUID(int=1)


@pytest.mark.integration
async def test_a_service_that_has_just_opened_answers(database: str, tmp_path: Path) -> None:
    """Before any worker has begun: the processes of an API have none."""
    settings = ConclusionsSettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr(database),
        identity_url="http://127.0.0.1:1",
        service_secret=SecretStr("secret"),
        files_url=SecretStr(tmp_path.as_uri()),
        certificate_authority_url="http://127.0.0.1:1",
        key_encryption_key=SecretStr("first:" + base64.b64encode(bytes(32)).decode()),
    )
    kit = make_kit("conclusions")
    async with open_conclusions(settings, kit) as parts:
        api: Any = parts.api
        async with api_client(api) as client:
            headers = Tokens(kit.clock).headers("patient", patient_id=str(PATIENT))
            listed = await client.get("/api/v1/medcard/conclusions", headers=headers)
            assert listed.status_code == 200, listed.text
            checks = (await client.get("/readyz")).json()["checks"]
            assert [checks[name] for name in ("database", "bus", "files")] == ["ok"] * 3

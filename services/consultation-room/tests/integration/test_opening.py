"""The service as the run loop opens it, over a real database that was empty."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from consultation_room.bootstrap import open_consultation_room
from consultation_room.read_models import consultations
from consultation_room.read_models.consultations import Scope
from consultation_room.settings import ConsultationRoomSettings
from service_kit.testing import api_client, make_kit
from vocabulary.ids import TenantId


@pytest.mark.integration
async def test_a_service_that_has_just_opened_answers(database: str, tmp_path: Path) -> None:
    """Before any worker has begun: the processes of an API have none."""
    settings = ConsultationRoomSettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr(database),
        identity_url="http://127.0.0.1:1",
        service_secret=SecretStr("secret"),
        files_url=SecretStr(tmp_path.as_uri()),
    )
    kit = make_kit("consultation-room")
    async with open_consultation_room(settings, kit) as parts:
        api: Any = parts.api
        async with api_client(api) as client:
            # Routes ask identity whether the session lives, so this asks as they do behind that.
            found = consultations.count(
                api.state.queries, Scope(tenant=TenantId("north")), now=kit.clock.now()
            )
            assert set((await found).values()) == {0}
            checks = (await client.get("/readyz")).json()["checks"]
            assert [checks[name] for name in ("database", "bus", "files")] == ["ok"] * 3

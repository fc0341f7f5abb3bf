"""The service as the run loop opens it, over real databases."""

from typing import Any

import pytest
from pydantic import SecretStr

from booking.bootstrap import describe, open_booking
from booking.settings import BookingSettings
from service_kit.errors import ConfigurationError
from service_kit.testing import Tokens, api_client, make_kit


@pytest.mark.integration
async def test_a_service_that_has_just_opened_answers(database: str, bus_database: str) -> None:
    settings = BookingSettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr(bus_database),
        identity_url="http://127.0.0.1:1",
        service_secret=SecretStr("secret"),
    )
    kit = make_kit("booking")
    async with open_booking(settings, kit) as parts:
        api: Any = parts.api
        async with api_client(api) as client:
            headers = Tokens(kit.clock).headers("anonymous")
            for path in ("/api/v1/doctors", "/api/v1/search?q=a", "/readyz"):
                assert (await client.get(path, headers=headers)).status_code == 200
        assert {"views", "timers", "relay", "process_reservation", "inbox_billing"} <= set(
            parts.tasks
        )


def test_the_api_is_described_without_any_resource() -> None:
    paths = describe().openapi()["paths"]
    assert "/api/v1/appointments/{appointment_id}/rescheduling" in paths
    assert all(path.startswith("/api/v1/") for path in paths)


@pytest.mark.integration
@pytest.mark.parametrize("setting", ["store_url", "bus_url"])
async def test_an_address_that_names_nothing_known_is_a_setting_that_is_wrong(
    database: str, bus_database: str, setting: str
) -> None:
    addresses = {"database_url": database, "bus_url": bus_database, setting: "ftp://u:hidden@host"}
    settings = BookingSettings.model_validate(
        {"port": 0, "identity_url": "http://127.0.0.1:1", "service_secret": "secret", **addresses}
    )
    with pytest.raises(ConfigurationError) as refused:
        async with open_booking(settings, make_kit("booking")):
            raise AssertionError
    assert f"BOOKING_{setting.upper()}: " in str(refused.value)
    assert "hidden" not in str(refused.value)

"""Which operations strangers reach with a captcha only, and which captcha the settings choose."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.api.description import OWN_DOCUMENT, merged
from gateway.bootstrap import open_captcha
from gateway.routing import OWN, Operation, RoutingTable, load_documents
from gateway.settings import GatewaySettings, gateway_settings
from service_kit.errors import ConfigurationError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
# Why strangers may write these without one.
SPARED = {
    "sign_in": "identity throttles it by login and address; people do it every day",
    "refresh_session": "a client does it by itself",
    "confirm_registration": "the code of the letter is the proof",
    "abandon_registration": "it only ends what a captcha began",
}


@pytest.mark.requirement("GW-25", "IDN-08")
def test_strangers_write_nothing_without_a_captcha_but_what_is_spared_on_purpose() -> None:
    table = RoutingTable(load_documents())
    strangers = {
        operation.name: operation.captcha
        for operation in table.body_limits()
        if isinstance(operation, Operation)
        and operation.anonymous
        and not operation.safe
        and not operation.is_callback
    }
    asked = {name for name, captcha in strangers.items() if captcha}
    assert asked == {"start_registration", "send_another_code"}
    assert strangers.keys() - asked == SPARED.keys()


@pytest.mark.requirement("GW-25")
def test_the_description_says_where_a_captcha_is_needed_and_where_to_get_one() -> None:
    document = msgspec.json.decode(merged({**load_documents(), OWN: OWN_DOCUMENT}))
    registration = document["paths"]["/api/v1/registrations"]["post"]
    assert "X-Kabinet-Captcha" in {each["name"] for each in registration["parameters"]}
    refusals = registration["responses"]["403"]["content"]["application/problem+json"]["examples"]
    assert refusals.keys() >= {"CAPTCHA_REQUIRED", "CAPTCHA_INVALID"}
    sign_in = document["paths"]["/api/v1/sessions"]["post"]
    assert "X-Kabinet-Captcha" not in {each["name"] for each in sign_in["parameters"]}
    assert document["paths"]["/api/v1/captcha"]["get"]["operationId"] == "gateway_show_captcha"


def settings(**changes: Any) -> GatewaySettings:
    addresses = {f"{name}_url": "http://there" for name in load_documents()}
    secrets = {"database_url": "d", "service_secret": "s", "captcha_secret": "s"}
    return gateway_settings().model_validate({"port": 0, **secrets, **addresses, **changes})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, {"kind", "parameters", "signature"}),
        ({"captcha": "smartcaptcha", "captcha_site_key": "ysc1_a"}, {"kind", "site_key"}),
        ({"captcha": "off"}, None),
    ],
)
async def test_the_settings_choose_what_strangers_solve(
    changes: dict[str, str], shown: set[str] | None
) -> None:
    async with open_captcha(settings(**changes), None) as captcha:  # type: ignore[arg-type] # nothing is used up
        assert (captcha and set(captcha.challenge(NOW))) == shown


async def test_smartcaptcha_without_its_client_key_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_CAPTCHA_SITE_KEY"):
        async with open_captcha(settings(captcha="smartcaptcha"), None):  # type: ignore[arg-type] # nothing is used up
            pass

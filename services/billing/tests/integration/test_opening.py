"""The service as the run loop opens it, over a real database that was empty."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from billing.bootstrap import open_billing
from billing.settings import BillingSettings
from service_kit.testing import Tokens, api_client, make_kit

PATIENT = UUID(int=1)


@pytest.mark.integration
async def test_a_service_that_has_just_opened_answers(database: str) -> None:
    """Before any worker has begun: the processes of an API have none."""
    settings = BillingSettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr(database),
        identity_url="http://127.0.0.1:1",
        service_secret=SecretStr("secret"),
        yookassa_url="http://127.0.0.1:1",
        yookassa_profiles={},
    )
    kit = make_kit("billing")
    async with open_billing(settings, kit) as parts:
        api: Any = parts.api
        async with api_client(api) as client:
            headers = Tokens(kit.clock).headers("patient", patient_id=str(PATIENT))
            listed = await client.get(f"/api/v1/invoices?appointment_id={PATIENT}", headers=headers)
            assert listed.status_code == 200, listed.text
            checks = (await client.get("/readyz")).json()["checks"]
            assert (checks["database"], checks["bus"]) == ("ok", "ok")

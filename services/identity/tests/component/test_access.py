"""Every route as everybody, and two clinics that never see each other's anything."""

from typing import Any
from uuid import UUID

import pytest

from contracts.identity import PatientRegistered
from identity.bootstrap import describe
from service_kit.openapi import openapi_document
from service_kit.testing import Example, access_walk

pytestmark = pytest.mark.integration


async def test_every_route_lets_in_whom_the_table_names(world: Any) -> None:
    shown = await world.register()
    registration_id = await world.start(email="boris@example.com")
    branch_id = await world.open_clinic()
    registration = {"registration_id": registration_id}
    confirmation = {"code": "123456", "password": "long enough", "password_repeat": "other"}
    staff = {"role": "manager", "email": "m@x.ru", "last_name": "Орлов", "first_name": "Пётр"}
    examples = {
        "issue_service_token": Example(
            json={"service": "ops", "secret": "s-ops", "audience": "identity"}
        ),
        "give_data_key": Example(path={"subject": shown["patient_id"]}, json={"tenant": "north"}),
        "register_organisation": Example(json={"legal_name": "ООО"}),
        "add_branch": Example(
            json={"name": "Ц", "address": "М", "phone": "1", "zone": "Europe/Moscow"}
        ),
        "add_staff": Example(json={**staff, "branch_id": branch_id, "role": "clinician"}),
        "start_registration": Example(json=world.anna),
        "send_another_code": Example(path=registration),
        "confirm_registration": Example(path=registration, json=confirmation),
        "abandon_registration": Example(path=registration),
        "choose_language": Example(json={"language": "en"}),
        "answer_letters_consent": Example(json={"given": True, "document": "1"}),
        "set_policy": Example(json={"key": "code_attempts", "value": 3, "reason": "TRIAL"}),
    }
    findings = await access_walk(
        world.build(world.walk_kit),
        examples,
        account_id=UUID(shown["account_id"]),
        patient_id=UUID(shown["patient_id"]),
    )
    assert findings == []


async def test_one_login_in_two_clinics_is_two_accounts(world: Any) -> None:
    north = await world.register("north")
    south = await world.register("south", last_name="Южная")
    assert north["patient_id"] != south["patient_id"]
    for tenant, person in (("north", north), ("south", south)):
        session = (await world.sign_in(tenant=tenant)).json()
        assert session["account"]["patient_id"] == person["patient_id"]
        [told] = await world.heard(PatientRegistered, tenant)
        assert str(told.patient_id) == person["patient_id"]
        me = await world.send("GET", "/api/v1/me", token=session["access_token"], tenant=tenant)
        assert me.json()["name"] == person["name"]


async def test_a_token_of_one_clinic_opens_nothing_in_another(world: Any) -> None:
    await world.register("north")
    token = (await world.sign_in()).json()["access_token"]
    answer = await world.send("GET", "/api/v1/me", token=token, tenant="south")
    assert (answer.status_code, answer.json()["code"]) == (403, "TENANT_MISMATCH")


async def test_a_registration_of_one_clinic_is_unknown_in_another(world: Any) -> None:
    registration_id = await world.start("north")
    code = await world.code(registration_id, "north")
    answer = await world.confirm(registration_id, code, tenant="south")
    assert (answer.status_code, answer.json()["code"]) == (404, "REGISTRATION_UNKNOWN")
    assert (await world.sign_in(tenant="south")).status_code == 401


async def test_guesses_in_one_clinic_do_not_lock_another(world: Any) -> None:
    await world.register("north")
    for _ in range(11):
        await world.sign_in(password="guess", tenant="south")
    assert (await world.sign_in(tenant="north")).status_code == 201


def test_the_api_describes_itself_without_any_resource() -> None:
    document = openapi_document(describe(), public_only=True)
    assert "/api/v1/sessions" in document["paths"]
    assert not [path for path in document["paths"] if path.startswith("/internal")]

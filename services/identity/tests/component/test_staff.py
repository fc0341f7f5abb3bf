"""Organisations, branches and staff, as `kabinet` sets them up."""

from typing import Any

import pytest

from contracts.identity import BranchAdded, ClinicianRegistered, OrganisationRegistered

pytestmark = pytest.mark.integration


async def test_an_organisation_with_a_branch_is_told_to_everybody(world: Any) -> None:
    branch_id = await world.open_clinic()
    [organisation] = await world.heard(OrganisationRegistered)
    assert (organisation.legal_name, organisation.languages) == ("ООО Север", ("ru", "en"))
    [branch] = await world.heard(BranchAdded)
    assert (str(branch.branch_id), branch.zone) == (branch_id, "Europe/Moscow")


async def test_a_tenant_has_one_organisation(world: Any) -> None:
    await world.open_clinic()
    token = await world.service_token()
    answer = await world.send(
        "POST", "/internal/organisations", {"legal_name": "ООО Юг"}, token=token
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "ORGANISATION_EXISTS")


async def test_a_branch_and_staff_need_an_organisation(world: Any) -> None:
    body = {"name": "Центр", "address": "Мира, 1", "phone": "1", "zone": "Europe/Moscow"}
    token = await world.service_token()
    for answer in (
        await world.send("POST", "/internal/branches", body, tenant="west", token=token),
        await world.add_staff("west"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "ORGANISATION_UNKNOWN")


async def test_a_name_that_no_view_could_show_is_refused(world: Any) -> None:
    await world.open_clinic()
    body = {"name": "Це\0нтр", "address": "Мира, 1", "phone": "1", "zone": "Europe/Moscow"}
    answer = await world.send("POST", "/internal/branches", body, token=await world.service_token())
    assert (answer.status_code, answer.json()["code"]) == (422, "TEXT_INVALID")


async def test_a_branch_needs_a_zone_that_exists(world: Any) -> None:
    body = {"name": "Центр", "address": "Мира, 1", "phone": "1", "zone": "Europe/Nowhere"}
    answer = await world.send("POST", "/internal/branches", body, token=await world.service_token())
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("zone", "ZONE_INVALID")


async def test_a_clinician_is_told_and_signs_in_with_the_password_that_was_made(
    world: Any,
) -> None:
    branch_id = await world.open_clinic()
    answer = await world.add_staff(
        role="clinician",
        email="doc@north.example",
        last_name="Петрова",
        specialty="Терапевт",
        category="Высшая",
        branch_id=branch_id,
    )
    assert answer.status_code == 201
    made = answer.json()
    [clinician] = await world.heard(ClinicianRegistered)
    assert str(clinician.clinician_id) == made["clinician_id"]
    assert (clinician.last_name, clinician.specialty) == ("Петрова", "Терапевт")
    assert await world.desk.sealers.of("north").open(clinician.email) == "doc@north.example"
    session = (await world.sign_in("doc@north.example", made["password"])).json()
    assert session["account"]["roles"] == ["clinician"]
    assert session["account"]["status"] == "CONFIRMED"
    assert session["account"]["clinician_id"] == made["clinician_id"]


async def test_a_given_password_is_not_told_again(world: Any) -> None:
    await world.open_clinic()
    answer = await world.add_staff(password="a given password")
    assert answer.json()["password"] is None
    signed_in = await world.sign_in("admin@north.example", "a given password")
    assert signed_in.status_code == 201


async def test_a_repeated_request_tells_the_same_password(world: Any) -> None:
    await world.open_clinic()
    body = {
        "role": "manager",
        "email": "boss@north.example",
        "last_name": "Орлов",
        "first_name": "Пётр",
    }
    token = await world.service_token()
    answers = [
        await world.send("POST", "/internal/staff", body, token=token, key="boss") for _ in range(2)
    ]
    assert answers[0].status_code == answers[1].status_code == 201
    assert answers[0].json() == answers[1].json()
    signed_in = await world.sign_in("boss@north.example", answers[1].json()["password"])
    assert signed_in.status_code == 201


async def test_two_of_a_clinic_do_not_share_a_login(world: Any) -> None:
    await world.open_clinic()
    assert (await world.add_staff()).status_code == 201
    answer = await world.add_staff(last_name="Другой")
    assert (answer.status_code, answer.json()["code"]) == (409, "LOGIN_TAKEN")


async def test_a_clinician_needs_a_branch_of_the_clinic_and_a_specialty(world: Any) -> None:
    await world.open_clinic()
    nowhere = "0190a000-0000-7000-8000-00000000dead"
    answer = await world.add_staff(role="clinician", specialty="Терапевт", branch_id=nowhere)
    assert (answer.status_code, answer.json()["code"]) == (409, "BRANCH_UNKNOWN")
    answer = await world.add_staff(role="clinician")
    assert answer.status_code == 422

"""A doctor's templates, and the slots that they open."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

TEMPLATES = "/api/v1/schedule-templates"
FRIDAYS = {"weekdays": ["FRI"], "cells": ["10:00", "10:45"]}


async def create(world: Any, **changes: Any) -> Any:
    body = {**world.mornings, **changes}
    return await world.send("POST", TEMPLATES, body, who="clinician")


async def only(world: Any) -> dict[str, Any]:
    listed = await world.get(TEMPLATES, who="clinician")
    (template,) = listed["items"]
    return dict(template)


@pytest.mark.requirement("BKG-57")
async def test_a_doctor_reads_what_was_saved(world: Any) -> None:
    template = await only(world)
    assert {name: template[name] for name in ("name", "weekdays", "valid_from", "valid_to")} == {
        "name": "Mornings",
        "weekdays": ["MON", "TUE", "WED", "THU", "FRI"],
        "valid_from": "2026-12-01",
        "valid_to": "2026-12-31",
    }
    assert (template["first_at"], template["last_at"]) == ("10:00:00", "11:00:00")
    assert template["cells"] == ["10:00:00", "10:30:00", "11:00:00"]
    assert (template["active"], template["zone"]) == (True, "Europe/Moscow")
    assert await world.get(f"{TEMPLATES}/{template['template_id']}", who="manager") == template


@pytest.mark.requirement("BKG-60", "BKG-61")
async def test_only_a_template_that_is_switched_on_offers_slots(world: Any) -> None:
    evenings = {"first_at": "18:00", "last_at": "19:00", "cells": ["18:00", "18:45"]}
    created = await create(world, **evenings)
    assert (created.status_code, created.json()["active"]) == (201, False)
    await world.settle()
    mornings = ["10:00", "10:30", "11:00"]
    assert await world.free() == mornings
    path = f"{TEMPLATES}/{created.json()['template_id']}/activation"
    answer = await world.send("PUT", path, who="clinician")
    assert answer.json()["active"]
    await world.settle()
    assert await world.free() == [*mornings, "18:00", "18:45"]
    await world.send("DELETE", path, who="clinician")
    await world.settle()
    assert await world.free() == mornings


@pytest.mark.requirement("BKG-61")
async def test_switching_off_leaves_what_is_booked(world: Any) -> None:
    appointment_id = await world.reserved()
    path = f"{TEMPLATES}/{(await only(world))['template_id']}"
    await world.send("DELETE", f"{path}/activation", who="clinician")
    await world.settle()
    assert await world.free() == []
    assert await world.status_of(appointment_id) == ("RESERVED", "PAID")
    assert (await world.reserve("10:30")).json()["code"] == "SLOT_NOT_OFFERED"


@pytest.mark.requirement("BKG-58", "BKG-59", "BKG-60")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "TEMPLATE_NAME_MISSING"),
        ({"cells": ["10:10"]}, "CELL_OFF_GRID"),
        ({"day_ends_at": "11:14"}, "LAST_APPOINTMENT_TOO_LATE"),
        ({"first_at": "12:00"}, "FIRST_AFTER_LAST"),
        ({"weekdays": ["EVERY"]}, "VALIDATION_FAILED"),
        ({"first_at": "09:00+03:00"}, "VALIDATION_FAILED"),
        ({"last_at": "11:00Z"}, "VALIDATION_FAILED"),
        ({"cells": ["10:00", "10:30+03:00"]}, "VALIDATION_FAILED"),
        ({"day_ends_at": "13:00+03:00"}, "VALIDATION_FAILED"),
        ({"valid_from": "9999-12-31", "valid_to": "9999-12-31"}, "VALIDATION_FAILED"),
        ({"valid_from": "2100-01-01", "valid_to": "2100-01-31"}, "VALIDATION_FAILED"),
        ({"valid_from": "1999-12-31"}, "VALIDATION_FAILED"),
    ],
)
async def test_a_wrong_template_is_refused_with_its_reason(
    world: Any, changes: dict[str, Any], code: str
) -> None:
    answer = await create(world, **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_template_may_hold_for_as_long_as_calendars_go(world: Any) -> None:
    last = {"valid_from": "2099-12-31", "valid_to": "9999-12-31", "weekdays": ["THU"]}
    for number, changes in enumerate((last, {**FRIDAYS, "valid_to": "9999-12-31"})):
        created = await create(world, **changes)
        assert created.status_code == 201, created.text
        path = f"{TEMPLATES}/{created.json()['template_id']}/activation"
        answer = await world.send("PUT", path, who="clinician")
        assert answer.status_code == (200, 409)[number], answer.text
        await world.settle()


async def test_overlapping_templates_are_not_both_active(world: Any) -> None:
    created = await create(world, **FRIDAYS)
    path = f"{TEMPLATES}/{created.json()['template_id']}/activation"
    answer = await world.send("PUT", path, who="clinician")
    assert (answer.status_code, answer.json()["code"]) == (409, "TEMPLATES_OVERLAP")
    assert answer.json()["facts"]["name"] == "Mornings"


async def test_a_template_is_changed_while_it_is_off_and_deleted_when_confirmed(
    world: Any,
) -> None:
    path = f"{TEMPLATES}/{(await only(world))['template_id']}"
    body = {**world.mornings, "cells": ["10:00", "10:15"]}
    refused = await world.send("PUT", path, body, who="clinician")
    assert (refused.status_code, refused.json()["code"]) == (409, "TEMPLATE_ACTIVE")
    await world.send("DELETE", f"{path}/activation", who="clinician")
    changed = await world.send("PUT", path, body, who="clinician")
    assert changed.json()["cells"] == ["10:00:00", "10:15:00"]
    await world.send("PUT", f"{path}/activation", who="clinician")
    await world.settle()
    assert await world.free() == ["10:00", "10:15"]
    unsure = await world.send("DELETE", path, who="clinician")
    assert (unsure.status_code, unsure.json()["code"]) == (409, "CONFIRMATION_REQUIRED")
    sure = await world.send("DELETE", f"{path}?confirmed=true", who="clinician")
    assert sure.status_code == 204
    await world.settle()
    assert await world.free() == []
    assert (await world.send("GET", path, who="clinician")).status_code == 404


@pytest.mark.requirement("OPS-14", "OPS-15")
async def test_each_midnight_of_the_branch_opens_one_more_day(empty_world: Any) -> None:
    world = empty_world
    await world.set_policy("schedule_horizon_days", 3)
    every_day = {**world.mornings, "weekdays": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]}
    await world.open_clinic(template=every_day)
    third, fourth = date(2026, 12, 3), date(2026, 12, 4)
    midnight = datetime(2026, 12, 1, 21, 0, tzinfo=UTC)
    assert await world.free(date(2026, 12, 2)) != []
    assert await world.free(third) == []
    await world.pass_time(midnight - world.moment - world.clock.now())
    assert await world.free(third) != []
    assert await world.free(fourth) == []
    await world.pass_time(world.moment)
    assert await world.free(fourth) != []


async def test_the_clinic_makes_templates_for_its_doctors(world: Any) -> None:
    body = {**world.mornings, **FRIDAYS, "clinician_id": str(world.doctor)}
    created = await world.send("POST", TEMPLATES, body, who="manager")
    assert (created.status_code, created.json()["clinician_id"]) == (201, str(world.doctor))
    await world.settle()
    path = f"{TEMPLATES}?clinician_id={world.doctor}"
    assert len((await world.get(path, who="manager"))["items"]) == 2
    del body["clinician_id"]
    answer = await world.send("POST", TEMPLATES, body, who="manager")
    assert (answer.status_code, answer.json()["code"]) == (404, "DOCTOR_NOT_FOUND")
    gone = f"{TEMPLATES}/{UUID(int=1)}/activation"
    for who in ("manager", "clinician"):
        answer = await world.send("PUT", gone, who=who)
        assert (answer.status_code, answer.json()["code"]) == (404, "TEMPLATE_NOT_FOUND")


async def test_a_repeated_creation_is_one_template(world: Any) -> None:
    body = {**world.mornings, **FRIDAYS}
    first = await world.send("POST", TEMPLATES, body, who="clinician", key="again")
    second = await world.send("POST", TEMPLATES, body, who="clinician", key="again")
    assert first.json() == second.json()
    await world.settle()
    assert len((await world.get(TEMPLATES, who="clinician"))["items"]) == 2

"""Appointments in the clinic: doctor or clinic say how they ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
APPOINTMENTS = "/api/v1/appointments"


@pytest.fixture
async def clinic_visit(empty_world: Any) -> str:
    world = empty_world
    await world.open_clinic(template={**world.mornings, "kinds": ["CLINIC", "ONLINE"]})
    body = {
        "clinician_id": str(world.doctor),
        "starts_at": "2026-12-01T10:00:00+03:00",
        "kind": "CLINIC",
        "service_id": str(world.service),
        "confirmed": True,
    }
    reserved = await world.send("POST", APPOINTMENTS, body)
    assert reserved.status_code == 201, reserved.text
    await world.settle()
    appointment_id = str(reserved.json()["appointment_id"])
    await world.pay(appointment_id)
    return appointment_id


@pytest.mark.requirement("BKG-28")
@pytest.mark.parametrize("who", ["clinician", "manager", "administrator"])
@pytest.mark.parametrize(("end", "status"), [("completion", "COMPLETED"), ("no-show", "NO_SHOW")])
async def test_a_visit_to_the_clinic_ends_and_counts_no_more(
    empty_world: Any, clinic_visit: str, who: str, end: str, status: str
) -> None:
    world, path = empty_world, f"{APPOINTMENTS}/{clinic_visit}"
    world.clock.set(START - MOMENT)
    early = await world.send("POST", f"{path}/{end}", who=who)
    assert (early.status_code, early.json()["code"]) == (409, "APPOINTMENT_NOT_BEGUN")
    world.clock.set(START)
    assert (await world.reserve("10:30")).json()["code"] == "UNCONFIRMED_LIMIT"
    answer = await world.send("POST", f"{path}/{end}", who=who)
    assert answer.json() == {"appointment_id": clinic_visit, "status": status}
    await world.settle()
    assert await world.status_of(clinic_visit) == (status, "PAID")
    assert (await world.told()).count("AppointmentCompleted.v1") == (status == "COMPLETED")
    assert (await world.reserve("10:30")).status_code == 201


async def test_only_its_doctor_and_the_clinic_say_how_it_ended(
    empty_world: Any, clinic_visit: str
) -> None:
    world, path = empty_world, f"{APPOINTMENTS}/{clinic_visit}"
    world.clock.set(START)
    other = {"who": "clinician", "clinician_id": world.other_doctor}
    for end in ("completion", "no-show"):
        refused = await world.send("POST", f"{path}/{end}")
        assert (refused.status_code, refused.json()["code"]) == (403, "ACTION_NOT_ALLOWED")
        for claims in (other, {**other, "patient_id": world.patient}):
            refused = await world.send("POST", f"{path}/{end}", **claims)
            assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YOURS")


async def test_the_clinic_does_not_end_what_has_a_room(world: Any) -> None:
    appointment_id = await world.reserved()
    world.clock.set(START)
    answer = await world.send("POST", f"{APPOINTMENTS}/{appointment_id}/no-show", who="manager")
    assert (answer.status_code, answer.json()["code"]) == (409, "ENDS_IN_ITS_ROOM")

"""Many patients want one slot, with the events in PostgreSQL."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from messaging.testing import running

pytestmark = pytest.mark.integration


@pytest.mark.requirement("BKG-26")
async def test_of_200_claims_on_one_slot_one_wins_and_199_are_told_what_is_left(
    postgres_world: Any,
) -> None:
    world = postgres_world
    answers = await asyncio.gather(
        *(world.reserve("10:30", patient_id=UUID(int=number)) for number in range(1, 201))
    )
    won = [answer for answer in answers if answer.status_code == 201]
    lost = [answer for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 199)
    for answer in lost:
        body = answer.json()
        assert body["code"] == "SLOT_TAKEN"
        left = [slot["starts_at"][11:16] for slot in body["facts"]["free_slots"]]
        assert left == ["10:00", "11:00"]
    await world.settle()
    assert await world.double_bookings() == 0
    assert await world.told() == ["AppointmentRequested.v1"]


async def test_a_journey_over_the_real_store_reads_its_own_writes(postgres_world: Any) -> None:
    world = postgres_world
    viewing = asyncio.create_task(world.runner.run())
    try:
        async with running(*world.stage.flows.values()):
            held = await world.reserve("10:00")
            path = f"/api/v1/appointments/{held.json()['appointment_id']}"
            position = {"Kabinet-Position": held.headers["Kabinet-Position"]}
            assert (await world.get(path, headers=position))["status"] == "HELD"
            early = await world.reserve("11:00", patient_id=world.rival)
            soon = f"/api/v1/appointments/{early.json()['appointment_id']}"
            await world.get(soon, patient_id=world.rival)
            cancelled = await world.send("POST", f"{path}/cancellation", {})
            position = {"Kabinet-Position": cancelled.headers["Kabinet-Position"]}
            assert (await world.get(path, headers=position))["status"] == "CANCELLED"
    finally:
        viewing.cancel()
        await asyncio.wait([viewing])

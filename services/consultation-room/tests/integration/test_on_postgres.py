"""The room over PostgreSQL: several processes, and views that can be built anew."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from consultation_room.bootstrap import CODEC, VIEWS
from read_models import verify

pytestmark = pytest.mark.integration


@pytest.mark.requirement("ROOM-31")
async def test_messages_of_several_processes_have_one_order_for_everybody(
    stored_world: Any,
) -> None:
    world = stored_world
    room = await world.in_work()
    second = await world.open_process()
    async with (
        world.socket(room, "patient", last_seen=4) as patient,
        world.socket(room, "clinician", process=second, last_seen=4) as doctor,
    ):
        for number in range(15):
            for side in (patient, doctor):
                words = {"client_message_id": UUID(int=number), "text": f"{number}"}
                await side.say({"kind": "say", **words})
        seen = []
        for side in (patient, doctor):
            frames = [await side.until("message") for _ in range(30)]
            seen.append([(frame["number"], frame["author"], frame["text"]) for frame in frames])
    assert seen[0] == seen[1]
    assert [number for number, _, _ in seen[0]] == list(range(5, 35))


@pytest.mark.requirement("ROOM-08")
async def test_a_consultation_is_taken_once_whatever_process_is_asked(stored_world: Any) -> None:
    world = stored_world
    room = await world.opened()
    world.clock.set(world.start)
    second = await world.open_process()
    async with world.client_of(second) as other:
        takers = [
            world.send("POST", f"/{room}/taking", who="clinician", client=client)
            for client in (world.client, other) * 5
        ]
        answers = await asyncio.gather(*takers)
    assert {answer.status_code for answer in answers} == {200}
    assert await world.facts("ConsultationTakenInWork") == ["ConsultationTakenInWork"]


async def test_views_are_equal_to_what_is_built_anew(stored_world: Any) -> None:
    world = stored_world
    room = await world.in_work()
    words = {"client_message_id": str(UUID(int=1)), "text": "Здравствуйте"}
    await world.send("POST", f"/{room}/messages", words)
    await world.tell(world.reserved("second"), world.cancelled("second"), times=2)
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    for view in VIEWS:
        found = await verify(world.pool, world.store, CODEC, view)
        assert found.same, view.name

"""Who has read a chat or a file of it is known; what may not be read leaves nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from event_store import EventFilter

PDF = b"%PDF-1.7\n" + b"x" * 100
OTHER_SESSION = UUID(int=77)


async def readings(world: Any) -> list[tuple[str, str, str, str | None]]:
    """What was read, by whom, in which role, about whom."""
    where = EventFilter(categories=frozenset({"chat-reading"}))
    return [
        (event.type, event.meta().actor, event.meta().role, event.meta().subject)
        async for page in world.store.read_all(where=where)
        for event in page.events
    ]


def by(world: Any, who: str, kind: str) -> tuple[str, str, str, str]:
    return kind, f"account:{world.claims(who)['account_id']}", who, str(world.patient)


@pytest.mark.requirement("GW-24", "OPS-02")
async def test_reading_a_chat_is_recorded_but_not_every_poll(world: Any) -> None:
    room = await world.in_work()
    for _ in range(3):
        await world.get(f"/{room}/messages", who="clinician")
        await world.get(f"/{room}/messages?last_seen=1")
    once = [by(world, "clinician", "ChatRead.v1"), by(world, "patient", "ChatRead.v1")]
    assert await readings(world) == once
    await world.get(f"/{room}/messages", session_id=OTHER_SESSION)
    world.clock.advance(timedelta(hours=1))
    await world.get(f"/{room}/messages")
    assert await readings(world) == [*once, *[by(world, "patient", "ChatRead.v1")] * 2]


@pytest.mark.requirement("GW-24")
async def test_a_live_connection_is_a_reading_also_after_the_end(world: Any) -> None:
    room = await world.in_work()
    async with world.socket(room) as patient:
        await patient.until("caught_up")
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    async with world.socket(room, "clinician") as doctor:
        await doctor.until("message")
    assert await readings(world) == [
        by(world, "patient", "ChatRead.v1"),
        by(world, "clinician", "ChatRead.v1"),
    ]


@pytest.mark.requirement("GW-24")
async def test_every_download_of_a_file_is_recorded_under_one_key_too(world: Any) -> None:
    room = await world.in_work()
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    for _ in range(2):
        answer = await world.send("GET", f"/{room}/files/{file_id}", who="clinician", key="same")
        assert answer.content == PDF
    assert await readings(world) == [by(world, "clinician", "ChatFileRead.v1")] * 2


@pytest.mark.requirement("GW-24")
async def test_who_is_refused_has_read_nothing(world: Any) -> None:
    room = await world.in_work()
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    for path in (f"/{room}/messages", f"/{room}/files/{file_id}"):
        for options in (
            {"who": "manager"},
            {"patient_id": world.other_patient},
            {"who": "clinician", "clinician_id": world.other_doctor},
        ):
            assert (await world.send("GET", path, **options)).status_code == 403
    assert (await world.send("GET", f"/{room}/files/{UUID(int=1)}")).status_code == 404
    assert await readings(world) == []

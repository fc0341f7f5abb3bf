"""Everything that was handled comes once more, and nothing follows from it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from messaging.testing import running


async def change(world: Any, path: str, body: dict[str, str]) -> None:
    async with running(*world.stage.flows.values()):
        answer = await world.send("POST", f"/api/v1/appointments/{path}", body)
    assert answer.status_code in (200, 409), answer.text
    await world.settle()


@pytest.mark.requirement("BKG-26", "BKG-51")
async def test_a_history_handled_again_from_its_beginning_changes_nothing(world: Any) -> None:
    await world.set_policy("unconfirmed_limit", 10)
    moved = await world.reserved("10:00")
    for wall in ("10:30", "10:00", "10:30"):
        await change(world, f"{moved}/rescheduling", {"starts_at": f"2026-12-01T{wall}:00+03:00"})
    lapsed = (await world.reserve("11:00")).json()["appointment_id"]
    await world.settle()
    await world.pass_time(world.hold)
    await world.reserve("11:00", patient_id=world.rival)
    await world.settle()
    await world.pay(lapsed)
    await change(world, f"{moved}/rescheduling", {"starts_at": "2026-12-01T11:00:00+03:00"})
    gone = await world.reserved("10:00")
    world.clock.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    await change(world, f"{gone}/cancellation", {})
    template = (await world.get("/api/v1/schedule-templates", who="clinician"))["items"][0]
    path = f"/api/v1/schedule-templates/{template['template_id']}/activation"
    await world.send("DELETE", path, who="clinician")
    await world.settle()
    before = await world.store.position()
    seen = await everything(world)

    await world.stage.handle_all_again(world.booking)
    assert await world.store.position() == before
    await world.settle()
    assert await everything(world) == seen
    assert await world.double_bookings() == 0


async def everything(world: Any) -> Any:
    return [
        await world.get("/api/v1/appointments?filter=all"),
        await world.get("/api/v1/appointments?filter=all", patient_id=world.rival),
        await world.free(),
    ]

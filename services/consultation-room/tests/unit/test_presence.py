"""A seat is left when its last connection is gone for long enough, and only then."""

import asyncio
from uuid import UUID

from consultation_room.application.presence import Presence, Seat
from consultation_room.domain.details import AuthorRole
from event_store import StoreUnavailable
from messaging.testing import until
from vocabulary.ids import ConsultationId, TenantId

SEAT = Seat(TenantId("north"), ConsultationId(UUID(int=1)), AuthorRole.DOCTOR)


class Leaves:
    """Counts the leaves, which may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.count, self._failure = 0, failure

    async def __call__(self) -> None:
        self.count += 1
        if self._failure is not None:
            raise self._failure


async def test_a_seat_is_left_after_the_absence() -> None:
    presence, leaves = Presence(absence_seconds=0.01), Leaves()
    with presence.seated(SEAT, leaves):
        pass
    assert leaves.count == 0
    await until(lambda: leaves.count == 1)


async def test_who_comes_back_in_time_or_has_another_connection_has_not_left() -> None:
    presence, leaves = Presence(absence_seconds=0.02), Leaves()
    with presence.seated(SEAT, leaves):
        with presence.seated(SEAT, leaves):
            pass
        await asyncio.sleep(0.05)
    with presence.seated(SEAT, leaves):
        await asyncio.sleep(0.05)
        assert leaves.count == 0


async def test_nobody_leaves_when_the_process_stops() -> None:
    presence, leaves = Presence(absence_seconds=0.01), Leaves()
    with presence.seated(SEAT, leaves):
        pass
    await presence.close()
    await asyncio.sleep(0.03)
    assert leaves.count == 0


async def test_a_leave_that_cannot_be_recorded_harms_nobody() -> None:
    presence, leaves = Presence(absence_seconds=0), Leaves(StoreUnavailable())
    with presence.seated(SEAT, leaves):
        pass
    await until(lambda: leaves.count == 1)
    with presence.seated(SEAT, leaves):
        pass
    await until(lambda: leaves.count == 2)

"""A hold that nobody paid for ends (BKG-29)."""

from datetime import datetime
from uuid import UUID

from booking.domain.doctor_day.commands import ExpireHold
from booking.domain.doctor_day.events import SlotBooked, SlotHeld, SlotHoldExpired, SlotHoldReleased
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed
from vocabulary.ids import AppointmentId

__all__ = ["HOLD_EXPIRY"]


def of_held(event: SlotHeld, fact: Fact) -> Due:
    details = event.details
    return Due(key=_key(fact, details.appointment_id, details.starts_at), at=event.expires_at)


def of_booked(event: SlotBooked | SlotHoldExpired, fact: Fact) -> str:
    return _key(fact, event.details.appointment_id, event.details.starts_at)


def of_released(event: SlotHoldReleased, fact: Fact) -> str:
    return _key(fact, event.appointment_id, event.starts_at)


def expire(elapsed: Elapsed) -> Dispatch:
    day, appointment_id, starts_at = elapsed.key.split("|")
    command = ExpireHold(
        appointment_id=AppointmentId(UUID(appointment_id)),
        starts_at=datetime.fromisoformat(starts_at),
        now=elapsed.now,
    )
    return Dispatch(to="doctor_days", key=day, command=command)


def _key(fact: Fact, appointment_id: AppointmentId, starts_at: datetime) -> str:
    """A day has many holds, each with its own end."""
    return f"{fact.stream_key}|{appointment_id}|{starts_at.isoformat()}"


HOLD_EXPIRY = Deadline(
    name="hold_expiry",
    sets={SlotHeld: of_held},
    cancels={SlotBooked: of_booked, SlotHoldExpired: of_booked, SlotHoldReleased: of_released},
    fire=expire,
)

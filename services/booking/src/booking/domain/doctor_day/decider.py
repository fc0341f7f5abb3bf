"""Rules of a doctor's day: two claims never overlap (BKG-26)."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.commands import (
    BookSlot,
    DoctorDayCommand,
    ExpireHold,
    FreeSlot,
    HoldSlot,
    OpenSlots,
    TakeSlot,
    WithdrawSlots,
)
from booking.domain.doctor_day.errors import SlotInPast, SlotNotHeld, SlotNotOffered, SlotTaken
from booking.domain.doctor_day.events import (
    DoctorDayEvent,
    SlotBooked,
    SlotFreed,
    SlotHeld,
    SlotHoldExpired,
    SlotHoldReleased,
    SlotsOpened,
    SlotsWithdrawn,
)
from booking.domain.doctor_day.state import (
    Booked,
    DoctorDay,
    GivenUp,
    Held,
    Lapsed,
    claim_key,
    evolve,
)
from decider import Decider

__all__ = ["DOCTOR_DAY", "decide", "hold_ends_at"]


def decide(command: DoctorDayCommand, state: DoctorDay) -> Sequence[DoctorDayEvent]:
    match command:
        case OpenSlots():
            return open_slots(command, state)
        case WithdrawSlots():
            return withdraw(command, state)
        case HoldSlot():
            return hold(command, state)
        case TakeSlot():
            return take(command, state)
        case BookSlot():
            return book(command, state)
        case ExpireHold():
            return expire(command, state)
        case FreeSlot():
            return free(command, state)
        case _:
            assert_never(command)


def open_slots(command: OpenSlots, state: DoctorDay) -> Sequence[SlotsOpened]:
    if state.offers.get(command.template_id) == command.slots:
        return []
    return [SlotsOpened(template_id=command.template_id, slots=command.slots)]


def withdraw(command: WithdrawSlots, state: DoctorDay) -> Sequence[SlotsWithdrawn]:
    if command.template_id not in state.offers:
        return []
    return [SlotsWithdrawn(template_id=command.template_id)]


def hold(command: HoldSlot, state: DoctorDay) -> Sequence[SlotHoldExpired | SlotHeld]:
    if claim_key(command.details) in state.claims:
        return []
    held = SlotHeld(
        details=command.details,
        expires_at=hold_ends_at(command.details.starts_at, command.expires_at),
        held_at=command.now,
        booking_limit=command.booking_limit,
    )
    return [*_make_room(command.details, command.now, state), held]


def take(command: TakeSlot, state: DoctorDay) -> Sequence[SlotHoldExpired | SlotBooked]:
    """A time that an appointment gave up, or is about to, can be taken again by a later move of it, not by a repeat."""
    claim = state.claims.get(claim_key(command.details))
    booked = SlotBooked(
        details=command.details, move=command.move, booking_limit=command.booking_limit
    )
    match claim:
        case None:
            pass
        case GivenUp(move=earlier) if command.move > earlier:
            pass
        case Booked(move=earlier) if command.move > earlier:
            return [booked]
        case _:
            return []
    return [*_make_room(command.details, command.now, state), booked]


def book(command: BookSlot, state: DoctorDay) -> Sequence[SlotHoldExpired | SlotBooked]:
    claim = state.claims.get((command.appointment_id, command.starts_at))
    match claim:
        case None | GivenUp():
            raise SlotNotHeld
        case Booked():
            return []
        case Held() if command.now < claim.details.starts_at:
            return [SlotBooked(details=claim.details, invoice_id=command.invoice_id)]
        case Held():
            raise SlotInPast
        case Lapsed():
            booked = SlotBooked(details=claim.details, invoice_id=command.invoice_id)
            return [*_make_room(claim.details, command.now, state), booked]
        case _:
            assert_never(claim)


def expire(command: ExpireHold, state: DoctorDay) -> Sequence[SlotHoldExpired]:
    claim = state.claims.get((command.appointment_id, command.starts_at))
    if isinstance(claim, Held) and command.now >= claim.expires_at:
        return [_expired(claim)]
    return []


def free(command: FreeSlot, state: DoctorDay) -> Sequence[SlotFreed | SlotHoldReleased]:
    who, when = command.appointment_id, command.starts_at
    claim = state.claims.get((who, when))
    match claim:
        case None | GivenUp():
            return []
        case Booked():
            if command.up_to_move is not None and claim.move > command.up_to_move:
                return []
            return [SlotFreed(appointment_id=who, starts_at=when, move=claim.move)]
        case Held() | Lapsed():
            return [SlotHoldReleased(appointment_id=who, starts_at=when)]
        case _:
            assert_never(claim)


def hold_ends_at(starts_at: datetime, wished: datetime) -> datetime:
    """Nobody can book time that has begun, so no hold outlives its start (BKG-29)."""
    return min(wished, starts_at)


def _make_room(
    details: AppointmentDetails, now: datetime, state: DoctorDay
) -> Sequence[SlotHoldExpired]:
    """Refuse unless the time is offered and free; holds that have run out are the first to go."""
    slot = state.slot_at(details.period)
    if slot is None or details.kind not in slot.kinds:
        raise SlotNotOffered
    if now >= details.starts_at:
        raise SlotInPast
    expired = []
    for claim in state.overlapping(details.period):
        if isinstance(claim, Booked) or now < claim.expires_at:
            raise SlotTaken(free_slots=state.free_slots(now))
        expired.append(_expired(claim))
    return expired


def _expired(claim: Held) -> SlotHoldExpired:
    return SlotHoldExpired(details=claim.details)


DOCTOR_DAY: Decider[DoctorDayCommand, DoctorDay, DoctorDayEvent] = Decider(
    initial=DoctorDay(), decide=decide, evolve=evolve
)

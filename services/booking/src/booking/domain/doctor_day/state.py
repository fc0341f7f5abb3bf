"""What a doctor's day remembers: what templates offer, and who claims which time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import assert_never

from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.events import (
    DoctorDayEvent,
    Slot,
    SlotBooked,
    SlotFreed,
    SlotHeld,
    SlotHoldExpired,
    SlotHoldReleased,
    SlotsOpened,
    SlotsWithdrawn,
)
from vocabulary.ids import AppointmentId, ClinicianId, TemplateId
from vocabulary.period import Period

__all__ = [
    "Booked",
    "Claim",
    "ClaimKey",
    "DoctorDay",
    "GivenUp",
    "Held",
    "Lapsed",
    "claim_key",
    "day_key",
    "evolve",
]

ClaimKey = tuple[AppointmentId, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Kept until `expires_at`; at that very instant no more."""

    details: AppointmentDetails
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Given away; `move` is which move of the appointment led here."""

    details: AppointmentDetails
    move: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """An expired hold: claims nothing, but a late payment may still revive it."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Claims nothing any more; remembered so that a repeated wish does not claim again."""

    move: int


Claim = Held | Booked | Lapsed | GivenUp


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorDay:
    """Offers by template, claims by appointment and start."""

    offers: Mapping[TemplateId, tuple[Slot, ...]] = field(default_factory=dict)
    claims: Mapping[ClaimKey, Claim] = field(default_factory=dict)

    def slot_at(self, period: Period) -> Slot | None:
        """The offered slot that is exactly this time."""
        for slots in self.offers.values():
            for slot in slots:
                if slot.starts_at == period.start and slot.ends_at == period.end:
                    return slot
        return None

    def overlapping(self, period: Period) -> Iterator[Held | Booked]:
        """Claims on some of this time, expired or not."""
        for claim in self.claims.values():
            if isinstance(claim, Held | Booked) and claim.details.period.overlaps(period):
                yield claim

    def free_slots(self, now: datetime) -> tuple[Slot, ...]:
        """What can still be had, in order of time."""
        offered = {slot.starts_at: slot for slots in self.offers.values() for slot in slots}
        return tuple(
            slot
            for start, slot in sorted(offered.items())
            if start > now and not any(self._blocking(slot, now))
        )

    def _blocking(self, slot: Slot, now: datetime) -> Iterator[bool]:
        for claim in self.overlapping(Period(start=slot.starts_at, end=slot.ends_at)):
            yield isinstance(claim, Booked) or now < claim.expires_at


def claim_key(details: AppointmentDetails) -> ClaimKey:
    """A moved appointment claims two times for a moment, so its id alone is not enough."""
    return (details.appointment_id, details.starts_at)


def day_key(clinician_id: ClinicianId, day: date) -> str:
    """The key of a doctor's day; `day` is a date of the branch's zone."""
    return f"{clinician_id}:{day.isoformat()}"


def evolve(state: DoctorDay, event: DoctorDayEvent) -> DoctorDay:
    match event:
        case SlotsOpened():
            return replace(state, offers={**state.offers, event.template_id: event.slots})
        case SlotsWithdrawn():
            offers = {key: kept for key, kept in state.offers.items() if key != event.template_id}
            return replace(state, offers=offers)
        case SlotHeld():
            key = claim_key(event.details)
            return _claim(state, key, Held(details=event.details, expires_at=event.expires_at))
        case SlotBooked():
            key = claim_key(event.details)
            return _claim(state, key, Booked(details=event.details, move=event.move))
        case SlotHoldExpired():
            return _claim(state, claim_key(event.details), Lapsed(details=event.details))
        case SlotHoldReleased():
            return _claim(state, (event.appointment_id, event.starts_at), GivenUp(move=0))
        case SlotFreed():
            return _claim(state, (event.appointment_id, event.starts_at), GivenUp(move=event.move))
        case _:
            assert_never(event)


def _claim(state: DoctorDay, key: ClaimKey, claim: Claim) -> DoctorDay:
    return replace(state, claims={**state.claims, key: claim})

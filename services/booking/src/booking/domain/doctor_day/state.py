"""What a doctor's day remembers: what templates offer, and who claims which time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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
from vocabulary.ids import AppointmentId, TemplateId
from vocabulary.period import Period

__all__ = ["Booked", "Claim", "DoctorDay", "Held", "Lapsed", "claim_key", "evolve"]

ClaimKey = tuple[AppointmentId, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Kept until `expires_at`; at that very instant no more."""

    details: AppointmentDetails
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Given away."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """An expired hold: claims nothing, but a late payment may still revive it."""

    details: AppointmentDetails


Claim = Held | Booked | Lapsed


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
            if not isinstance(claim, Lapsed) and claim.details.period.overlaps(period):
                yield claim


def claim_key(details: AppointmentDetails) -> ClaimKey:
    """A moved appointment claims two times for a moment, so its id alone is not enough."""
    return (details.appointment_id, details.starts_at)


def evolve(state: DoctorDay, event: DoctorDayEvent) -> DoctorDay:
    match event:
        case SlotsOpened():
            return replace(state, offers={**state.offers, event.template_id: event.slots})
        case SlotsWithdrawn():
            offers = {key: kept for key, kept in state.offers.items() if key != event.template_id}
            return replace(state, offers=offers)
        case SlotHeld():
            return _claim(state, Held(details=event.details, expires_at=event.expires_at))
        case SlotBooked():
            return _claim(state, Booked(details=event.details))
        case SlotHoldExpired():
            details = state.claims[event.appointment_id, event.starts_at].details
            return _claim(state, Lapsed(details=details))
        case SlotHoldReleased() | SlotFreed():
            gone = (event.appointment_id, event.starts_at)
            claims = {key: claim for key, claim in state.claims.items() if key != gone}
            return replace(state, claims=claims)
        case _:
            assert_never(event)


def _claim(state: DoctorDay, claim: Claim) -> DoctorDay:
    return replace(state, claims={**state.claims, claim_key(claim.details): claim})

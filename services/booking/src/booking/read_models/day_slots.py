"""A doctor's days: what is offered, what is claimed, what is free (BKG-16, BKG-18)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import assert_never
from uuid import UUID

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
from read_models import Fact, Queries, View
from vocabulary.ids import AppointmentId, ClinicianId, TemplateId

__all__ = ["VIEW", "Claimed", "DayRow", "Offer", "find", "month", "nearest_free"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one template offers."""

    template_id: TemplateId
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Time that is not free; a hold only until `expires_at`."""

    appointment_id: AppointmentId
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    tenant: str
    clinician_id: ClinicianId
    day: date
    offers: tuple[Offer, ...] = ()
    claims: tuple[Claimed, ...] = ()
    last_free_at: datetime | None = None
    """When the last slot begins that nobody claims."""

    @property
    def slots(self) -> list[Slot]:
        """Everything offered, in order of time."""
        offered = {slot.starts_at: slot for offer in self.offers for slot in offer.slots}
        return [slot for _, slot in sorted(offered.items())]

    def free(self, now: datetime) -> list[Slot]:
        """What can still be had."""
        return [
            slot
            for slot in self.slots
            if slot.starts_at > now and not any(_blocks(claim, slot, now) for claim in self.claims)
        ]

    def slot_at(self, starts_at: datetime) -> Slot | None:
        """The offered slot that begins then, free or not."""
        return next((slot for slot in self.slots if slot.starts_at == starts_at), None)


def project(row: DayRow | None, event: DoctorDayEvent, fact: Fact) -> DayRow:
    tenant, clinician_id, day = fact.key
    row = row or DayRow(tenant=tenant, clinician_id=clinician_id, day=day)
    changed = _changed(row, event)
    free = [
        slot.starts_at
        for slot in changed.slots
        if not any(_overlap(claim, slot) for claim in changed.claims)
    ]
    return replace(changed, last_free_at=max(free, default=None))


def _changed(row: DayRow, event: DoctorDayEvent) -> DayRow:
    match event:
        case SlotsOpened():
            offer = Offer(template_id=event.template_id, slots=event.slots)
            return replace(row, offers=(*_without(row.offers, event.template_id), offer))
        case SlotsWithdrawn():
            return replace(row, offers=_without(row.offers, event.template_id))
        case SlotHeld():
            return _claimed(row, event.details, event.expires_at)
        case SlotBooked():
            return _claimed(row, event.details, None)
        case SlotHoldExpired():
            return _unclaimed(row, event.details.appointment_id, event.details.starts_at)
        case SlotHoldReleased() | SlotFreed():
            return _unclaimed(row, event.appointment_id, event.starts_at)
        case _:
            assert_never(event)


def _without(offers: Sequence[Offer], template_id: TemplateId) -> tuple[Offer, ...]:
    return tuple(offer for offer in offers if offer.template_id != template_id)


def _claimed(row: DayRow, details: AppointmentDetails, expires_at: datetime | None) -> DayRow:
    claim = Claimed(
        appointment_id=details.appointment_id,
        starts_at=details.starts_at,
        ends_at=details.ends_at,
        expires_at=expires_at,
    )
    others = _unclaimed(row, details.appointment_id, details.starts_at).claims
    return replace(row, claims=(*others, claim))


def _unclaimed(row: DayRow, appointment_id: AppointmentId, starts_at: datetime) -> DayRow:
    gone = (appointment_id, starts_at)
    kept = tuple(claim for claim in row.claims if (claim.appointment_id, claim.starts_at) != gone)
    return replace(row, claims=kept)


def _overlap(claim: Claimed, slot: Slot) -> bool:
    return claim.starts_at < slot.ends_at and slot.starts_at < claim.ends_at


def _blocks(claim: Claimed, slot: Slot, now: datetime) -> bool:
    return _overlap(claim, slot) and (claim.expires_at is None or now < claim.expires_at)


def keys(_event: DoctorDayEvent, fact: Fact) -> list[tuple[str, UUID, date]]:
    clinician_id, _, day = fact.stream_key.partition(":")
    return [(fact.tenant, UUID(clinician_id), date.fromisoformat(day))]


VIEW = View(
    name="day_slots",
    version=1,
    row=DayRow,
    key=("tenant", "clinician_id", "day"),
    events=dict.fromkeys(
        (
            SlotsOpened,
            SlotsWithdrawn,
            SlotHeld,
            SlotBooked,
            SlotHoldExpired,
            SlotHoldReleased,
            SlotFreed,
        ),
        keys,
    ),
    project=project,
)


async def find(db: Queries, tenant: str, clinician_id: ClinicianId, day: date) -> DayRow | None:
    return await db.one(VIEW, tenant=tenant, clinician_id=clinician_id, day=day)


async def month(
    db: Queries, tenant: str, clinician_id: ClinicianId, first: date, last: date
) -> dict[date, DayRow]:
    where = "tenant = $1 AND clinician_id = $2 AND day BETWEEN $3 AND $4"
    rows = await db.all(VIEW, where, tenant, clinician_id, first, last)
    return {row.day: row for row in rows}


async def nearest_free(
    db: Queries, tenant: str, clinician_ids: Sequence[ClinicianId], now: datetime
) -> dict[ClinicianId, date]:
    """The next date on which each doctor can be booked."""
    records = await db.fetch(
        f"SELECT clinician_id, min(day) AS day FROM {VIEW.table}"
        " WHERE tenant = $1 AND clinician_id = ANY($2::uuid[]) AND last_free_at > $3"
        " GROUP BY clinician_id",
        tenant,
        list(clinician_ids),
        now,
    )
    return {record["clinician_id"]: record["day"] for record in records}

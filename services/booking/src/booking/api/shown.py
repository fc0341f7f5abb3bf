"""How slots, branches, doctors and services are shown: times with offset, zone and its label (GW-26)."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from booking.domain.details import AppointmentKind
from booking.domain.doctor_day.events import Slot
from booking.domain.policies import BookingPolicies
from booking.read_models import branches, day_slots, price_list
from booking.read_models.branches import BranchRow
from booking.read_models.doctor_search import DoctorRow
from booking.read_models.price_list import ServiceRow
from policies import PolicyBook
from read_models import Queries
from service_kit.texts import Language, day, wall_time, weekday
from vocabulary.ids import BranchId, ClinicianId, ServiceId
from vocabulary.zone import ZoneId, offset_label, utc_to_local

__all__ = [
    "BranchOut",
    "DoctorCard",
    "ServiceOut",
    "SlotOut",
    "Times",
    "cards",
    "show_branch",
    "show_service",
    "show_slots",
    "show_times",
]


class Times(BaseModel):
    """From when to when, by the clocks of the branch."""

    starts_at: Annotated[datetime, Field(examples=["2026-12-01T10:00:00+03:00"])]
    ends_at: Annotated[datetime, Field(examples=["2026-12-01T10:30:00+03:00"])]
    zone: Annotated[str, Field(examples=["Europe/Moscow"])]
    zone_label: Annotated[str, Field(examples=["UTC+3"])]
    weekday: Annotated[str, Field(examples=["вторник"])]
    text: Annotated[str, Field(examples=["1 декабря 2026 г., 10:00–10:30 (UTC+3)"])]


class SlotOut(Times):
    """A free slot."""

    kinds: list[AppointmentKind]


class BranchOut(BaseModel):
    """A clinic."""

    branch_id: BranchId
    name: Annotated[str, Field(examples=["Клиника на Тверской"])]
    address: str
    phone: str
    zone: str


class ServiceOut(BaseModel):
    """A service and its price."""

    service_id: ServiceId
    name: Annotated[str, Field(examples=["Приём терапевта, онлайн"])]
    price_kopecks: Annotated[int, Field(examples=[150_000])]


class DoctorCard(BaseModel):
    """A doctor in the directory. `rating` is null as long as nobody has rated."""

    clinician_id: ClinicianId
    name: Annotated[str, Field(examples=["Петрова Анна Ивановна"])]
    specialty: Annotated[str, Field(examples=["Терапевт"])]
    category: str | None
    branch: BranchOut | None
    nearest_free_date: date | None
    rating: float | None = None
    rating_count: int = 0
    default_service: ServiceOut | None


def show_times(
    starts_at: datetime, ends_at: datetime, zone: ZoneId, language: Language
) -> dict[str, Any]:
    """The fields of `Times`."""
    local_start, local_end = utc_to_local(starts_at, zone), utc_to_local(ends_at, zone)
    return {
        "starts_at": local_start,
        "ends_at": local_end,
        "zone": zone,
        "zone_label": offset_label(starts_at, zone),
        "weekday": weekday(local_start.date(), language),
        "text": f"{day(local_start.date(), language)}, {local_start:%H:%M}–"
        f"{wall_time(ends_at, zone, language)}",
    }


def show_slots(slots: Iterable[Slot], zone: ZoneId, language: Language) -> list[SlotOut]:
    return [
        SlotOut(
            **show_times(slot.starts_at, slot.ends_at, zone, language),
            kinds=list(slot.kinds),
        )
        for slot in slots
    ]


def show_branch(row: BranchRow) -> BranchOut:
    return BranchOut(
        branch_id=row.branch_id,
        name=row.name,
        address=row.address,
        phone=row.phone,
        zone=row.zone,
    )


def show_service(row: ServiceRow) -> ServiceOut:
    return ServiceOut(service_id=row.service_id, name=row.name, price_kopecks=row.price.kopecks)


async def cards(
    db: Queries,
    policies: PolicyBook[BookingPolicies],
    tenant: str,
    doctors: Collection[DoctorRow],
    now: datetime,
) -> list[DoctorCard]:
    """The cards of several doctors, with three queries for all of them (BKG-03)."""
    at = await branches.by_ids(db, tenant, {doctor.branch_id for doctor in doctors})
    rules, _ = await policies.at(tenant, now)
    defaults = {
        doctor.clinician_id: doctor.default_service_id
        or rules.default_service_of(doctor.branch_id, doctor.specialty)
        for doctor in doctors
    }
    offered = await price_list.by_ids(db, tenant, {one for one in defaults.values() if one})
    nearest = await day_slots.nearest_free(
        db, tenant, [doctor.clinician_id for doctor in doctors], now
    )
    return [
        DoctorCard(
            clinician_id=doctor.clinician_id,
            name=doctor.name,
            specialty=doctor.specialty,
            category=doctor.category,
            branch=show_branch(branch) if (branch := at.get(doctor.branch_id)) else None,
            nearest_free_date=nearest.get(doctor.clinician_id),
            default_service=_default_service(defaults[doctor.clinician_id], offered),
        )
        for doctor in doctors
    ]


def _default_service(
    service_id: ServiceId | None, offered: dict[ServiceId, ServiceRow]
) -> ServiceOut | None:
    service = offered.get(service_id) if service_id else None
    return show_service(service) if service and not service.withdrawn else None

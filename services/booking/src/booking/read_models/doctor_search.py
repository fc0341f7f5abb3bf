"""The directory: doctors by name and specialty (BKG-01, BKG-03)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from booking.domain.doctor_listing.events import (
    DefaultServiceSet,
    DoctorListed,
    DoctorListingEvent,
)
from booking.read_models.folded import folded, patterns
from read_models import Fact, Queries, View
from vocabulary.ids import BranchId, ClinicianId, ServiceId

__all__ = ["VIEW", "DoctorRow", "find", "page", "search_doctors", "search_specialties"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRow:
    tenant: str
    clinician_id: ClinicianId
    name: str
    short_name: str
    specialty: str
    category: str | None
    branch_id: BranchId
    default_service_id: ServiceId | None
    searched_name: str
    searched_specialty: str


def project(row: DoctorRow | None, event: DoctorListingEvent, fact: Fact) -> DoctorRow | None:
    match event:
        case DoctorListed():
            return DoctorRow(
                tenant=fact.tenant,
                clinician_id=event.clinician_id,
                name=event.name.full,
                short_name=event.name.with_initials,
                specialty=event.specialty,
                category=event.category,
                branch_id=event.branch_id,
                default_service_id=row.default_service_id if row else None,
                searched_name=folded(event.name.full),
                searched_specialty=folded(event.specialty),
            )
        case DefaultServiceSet():
            return row and replace(row, default_service_id=event.service_id)
        case _:
            assert_never(event)


VIEW = View(
    name="doctor_search",
    version=1,
    row=DoctorRow,
    key=("tenant", "clinician_id"),
    indexes=(("tenant", "searched_name"),),
    events=dict.fromkeys(
        (DoctorListed, DefaultServiceSet), lambda event, fact: [(fact.tenant, event.clinician_id)]
    ),
    project=project,
)


async def find(db: Queries, tenant: str, clinician_id: ClinicianId) -> DoctorRow | None:
    return await db.one(VIEW, tenant=tenant, clinician_id=clinician_id)


async def search_doctors(db: Queries, tenant: str, query: str, limit: int) -> list[DoctorRow]:
    where = "tenant = $1 AND searched_name LIKE ALL($2::text[])"
    order = ("searched_name", "clinician_id")
    return await db.all(VIEW, where, tenant, patterns(query), order=order, limit=limit)


async def search_specialties(db: Queries, tenant: str, query: str, limit: int) -> list[str]:
    records = await db.fetch(
        f"SELECT min(specialty) AS specialty FROM {VIEW.table}"
        " WHERE tenant = $1 AND searched_specialty LIKE ALL($2::text[])"
        " GROUP BY searched_specialty ORDER BY searched_specialty LIMIT $3",
        tenant,
        patterns(query),
        limit,
    )
    return [record["specialty"] for record in records]


async def page(
    db: Queries,
    tenant: str,
    *,
    query: str,
    specialty: str,
    branch_id: BranchId | None,
    after: tuple[str, ClinicianId] | None,
    limit: int,
) -> Sequence[DoctorRow]:
    """Doctors in order of their names, behind `after`."""
    where = (
        "tenant = $1 AND searched_name LIKE ALL($2::text[])"
        " AND ($3 = '' OR searched_specialty = $3) AND ($4::uuid IS NULL OR branch_id = $4)"
        " AND ($5::text IS NULL OR (searched_name, clinician_id) > ($5, $6::uuid))"
    )
    values = (patterns(query), folded(specialty), branch_id, *(after or (None, None)))
    order = ("searched_name", "clinician_id")
    return await db.all(VIEW, where, tenant, *values, order=order, limit=limit)

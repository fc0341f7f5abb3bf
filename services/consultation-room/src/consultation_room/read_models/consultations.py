"""Consultations as their doctor, their patient and the clinic list them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from consultation_room.domain.consultation.events import (
    STORED_NAMES,
    ConsultationCancelled,
    ConsultationCompleted,
    ConsultationConclusionRecorded,
    ConsultationEvent,
    ConsultationExpired,
    ConsultationOpened,
    ConsultationPaymentRecorded,
    ConsultationRefundRecorded,
    ConsultationRescheduled,
    ConsultationResumed,
    ConsultationSuspended,
    ConsultationTakenInWork,
    PatientJoined,
    PatientLeft,
)
from consultation_room.domain.consultation.state import ConsultationStatus
from consultation_room.domain.details import Channel, ConsultationType, PaymentStatus
from read_models import Fact, Queries, View, ViewPage
from vocabulary.ids import (
    AppointmentId,
    BranchId,
    ClinicianId,
    ConclusionId,
    ConsultationId,
    PatientId,
    ServiceId,
    TenantId,
)

__all__ = ["VIEW", "ConsultationRow", "ListName", "Scope", "count", "find", "page"]

ListName = Literal["new", "overdue", "in_work", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationRow:
    tenant: str
    consultation_id: ConsultationId
    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId
    doctor_name: str
    specialty: str
    branch_id: BranchId
    zone: str
    service_id: ServiceId
    consultation_type: ConsultationType
    preferred_channel: Channel | None
    planned_start: datetime
    planned_end: datetime
    payment_status: PaymentStatus
    status: ConsultationStatus
    waiting_since: datetime | None = None
    taken_at: datetime | None = None
    completed_at: datetime | None = None
    conclusion_id: ConclusionId | None = None
    conclusion_published_at: datetime | None = None


def project(  # noqa: C901, PLR0911, PLR0912 - a fold is one match: a row for each fact
    row: ConsultationRow | None, event: ConsultationEvent, fact: Fact
) -> ConsultationRow | None:
    if isinstance(event, ConsultationOpened):
        return _opened(event, fact.tenant)
    if row is None:  # a payment that came before the room, or for none
        return None
    match event:
        case ConsultationPaymentRecorded():
            return replace(row, payment_status=PaymentStatus.PAID)
        case ConsultationRefundRecorded():
            return replace(row, payment_status=PaymentStatus.REFUNDED)
        case ConsultationRescheduled():
            return replace(row, planned_start=event.planned_start, planned_end=event.planned_end)
        case PatientJoined():
            status = ConsultationStatus.PATIENT_WAITING
            return replace(row, status=status, waiting_since=event.joined_at)
        case PatientLeft():
            return replace(row, status=ConsultationStatus.PLANNED, waiting_since=None)
        case ConsultationTakenInWork():
            return replace(row, status=ConsultationStatus.IN_WORK, taken_at=event.taken_at)
        case ConsultationSuspended():
            return replace(row, status=ConsultationStatus.SUSPENDED)
        case ConsultationResumed():
            return replace(row, status=ConsultationStatus.IN_WORK)
        case ConsultationCompleted():
            status = ConsultationStatus.COMPLETED
            return replace(row, status=status, completed_at=event.completed_at)
        case ConsultationConclusionRecorded():
            return replace(
                row,
                conclusion_id=event.conclusion_id,
                conclusion_published_at=event.published_at,
            )
        case ConsultationCancelled():
            return replace(row, status=ConsultationStatus.CANCELLED)
        case ConsultationExpired():
            return replace(row, status=ConsultationStatus.EXPIRED)


def _opened(event: ConsultationOpened, tenant: str) -> ConsultationRow:
    details, participants = event.details, event.details.participants
    return ConsultationRow(
        tenant=tenant,
        consultation_id=participants.consultation_id,
        appointment_id=participants.appointment_id,
        patient_id=participants.patient_id,
        clinician_id=participants.clinician_id,
        doctor_name=details.doctor_name,
        specialty=details.specialty,
        branch_id=details.branch_id,
        zone=details.zone,
        service_id=details.service_id,
        consultation_type=details.consultation_type,
        preferred_channel=details.preferred_channel,
        planned_start=details.planned_start,
        planned_end=details.planned_end,
        payment_status=event.payment_status,
        status=ConsultationStatus.PLANNED,
    )


def _keys(_event: ConsultationEvent, fact: Fact) -> Iterable[tuple[str, UUID]]:
    return [(fact.tenant, UUID(fact.stream_key))]


VIEW: Final = View(
    name="consultations",
    version=2,
    row=ConsultationRow,
    key=("tenant", "consultation_id"),
    events=dict.fromkeys(STORED_NAMES, _keys),
    project=project,
    indexes=(
        ("tenant", "clinician_id", "planned_start"),
        ("tenant", "patient_id", "planned_start"),
        ("tenant", "appointment_id"),
    ),
)

_NOT_TAKEN: Final = "status IN ('PLANNED', 'PATIENT_WAITING')"

# The threshold is the planned start (ROOM-04): at that instant it is not overdue yet. $1 is the clock's now.
_LISTS: Final[dict[ListName, str]] = {
    "new": f"{_NOT_TAKEN} AND planned_start >= $1",
    "overdue": f"{_NOT_TAKEN} AND planned_start < $1",
    "in_work": "status IN ('IN_WORK', 'SUSPENDED')",
    "closed": "status = 'COMPLETED'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose consultations: of a clinic, or of one of its doctors or patients; perhaps of one appointment."""

    tenant: TenantId
    clinician_id: ClinicianId | None = None
    patient_id: PatientId | None = None
    appointment_id: AppointmentId | None = None

    def where(self) -> tuple[str, list[object]]:
        """A condition over the columns, with its values from $2 on."""
        conditions: list[str] = []
        values: list[object] = []
        for name in self.__slots__:
            if (value := getattr(self, name)) is not None:
                values.append(value)
                conditions.append(f"{name} = ${len(values) + 1}")
        return " AND ".join(conditions), values


async def find(
    db: Queries, tenant: TenantId, consultation_id: ConsultationId
) -> ConsultationRow | None:
    return await db.one(VIEW, tenant=tenant, consultation_id=consultation_id)


async def page(
    db: Queries,
    scope: Scope,
    of: ListName | None,
    *,
    now: datetime,
    after: str | None,
    limit: int,
) -> ViewPage[ConsultationRow]:
    """One list, the next consultation first; what is closed, and everything together, the latest first."""
    where, values = scope.where()
    chosen = "true" if of is None else _LISTS[of]
    return await db.page(
        VIEW,
        f"$1::timestamptz IS NOT NULL AND {chosen} AND {where}",
        now,
        *values,
        order=("planned_start", "consultation_id"),
        descending=of in {None, "closed"},
        after=after,
        limit=limit,
    )


async def count(db: Queries, scope: Scope, *, now: datetime) -> dict[ListName, int]:
    """How many consultations each list has (ROOM-03)."""
    where, values = scope.where()
    counts = ", ".join(f"count(*) FILTER (WHERE {of}) AS {name}" for name, of in _LISTS.items())
    (found,) = await db.fetch(f"SELECT {counts} FROM {VIEW.table} WHERE {where}", now, *values)
    return {name: found[name] for name in _LISTS}

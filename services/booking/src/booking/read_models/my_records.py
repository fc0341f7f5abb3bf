"""Appointments as patients and doctors see them (BKG-42). A row is there as soon as a slot is claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from booking.domain.appointment.events import (
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentPaymentRecorded,
    AppointmentRescheduled,
    AppointmentReserved,
    AppointmentStarted,
    CancelledBy,
    LatePaymentRefused,
    PaymentStatus,
)
from booking.domain.details import AppointmentDetails, AppointmentKind, PaymentMode
from booking.domain.doctor_day.events import SlotBooked, SlotHeld
from read_models import Fact, Queries, View
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId, ServiceId
from vocabulary.zone import ZoneId

__all__ = [
    "VIEW",
    "RecordFilter",
    "RecordRow",
    "RecordStatus",
    "claimed",
    "count_live",
    "find",
    "of_doctor",
    "of_patient",
]


class RecordStatus(StrEnum):
    """Where an appointment stands (BKG-33); its payment is a dimension of its own."""

    HELD = "HELD"
    RESERVED = "RESERVED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"
    CANCELLED = "CANCELLED"


class RecordFilter(StrEnum):
    """Which of the own appointments (BKG-42)."""

    CURRENT = "current"
    LAST_7_DAYS = "last_7_days"
    LAST_30_DAYS = "last_30_days"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    tenant: str
    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId
    doctor_name: str
    specialty: str
    branch_id: BranchId
    zone: ZoneId
    kind: AppointmentKind
    service_id: ServiceId
    starts_at: datetime
    ends_at: datetime
    payment_mode: PaymentMode
    status: RecordStatus
    payment_status: PaymentStatus
    hold_expires_at: datetime | None = None
    moves: int = 0
    cancelled_by: CancelledBy | None = None
    cancel_reason: str | None = None
    refund_eligible: bool | None = None
    late_payment_refused: bool = False


def claimed(
    tenant: str,
    details: AppointmentDetails,
    status: RecordStatus,
    hold_expires_at: datetime | None = None,
) -> RecordRow:
    """The row of an appointment whose slot has just been claimed."""
    free = details.payment_mode is PaymentMode.FREE
    return RecordRow(
        tenant=tenant,
        appointment_id=details.appointment_id,
        patient_id=details.patient_id,
        clinician_id=details.clinician_id,
        doctor_name=details.doctor_name,
        specialty=details.specialty,
        branch_id=details.branch_id,
        zone=details.zone,
        kind=details.kind,
        service_id=details.service_id,
        starts_at=details.starts_at,
        ends_at=details.ends_at,
        payment_mode=details.payment_mode,
        status=status,
        payment_status=PaymentStatus.NOT_REQUIRED if free else PaymentStatus.UNPAID,
        hold_expires_at=hold_expires_at,
    )


def project(row: RecordRow | None, event: object, fact: Fact) -> RecordRow | None:
    match event:
        case SlotHeld() if row is None:
            return claimed(fact.tenant, event.details, RecordStatus.HELD, event.expires_at)
        case SlotBooked() if row is None:
            return claimed(fact.tenant, event.details, RecordStatus.RESERVED)
        case _:
            return row and _followed(row, event)


_STATUS_AFTER: Mapping[type[object], RecordStatus] = {
    AppointmentStarted: RecordStatus.IN_PROGRESS,
    AppointmentCompleted: RecordStatus.COMPLETED,
    AppointmentNoShowMarked: RecordStatus.NO_SHOW,
}


def _followed(row: RecordRow, event: object) -> RecordRow:
    match event:
        case AppointmentReserved():
            return replace(
                row,
                status=RecordStatus.RESERVED,
                payment_status=event.payment_status,
                hold_expires_at=None,
                cancelled_by=None,
                cancel_reason=None,
                refund_eligible=None,
            )
        case AppointmentPaymentRecorded():
            return replace(row, payment_status=PaymentStatus.PAID)
        case LatePaymentRefused():
            return replace(row, payment_status=PaymentStatus.UNPAID, late_payment_refused=True)
        case AppointmentRescheduled(details=details):
            return replace(
                row,
                starts_at=details.starts_at,
                ends_at=details.ends_at,
                moves=event.sequence,
            )
        case AppointmentCancelled():
            return replace(
                row,
                status=RecordStatus.CANCELLED,
                hold_expires_at=None,
                cancelled_by=event.by,
                cancel_reason=event.reason,
                refund_eligible=event.refund_eligible,
            )
        case AppointmentStarted() | AppointmentCompleted() | AppointmentNoShowMarked():
            return replace(row, status=_STATUS_AFTER[type(event)])
        case _:
            return row


def keys(event: SlotHeld | SlotBooked | AppointmentReserved, fact: Fact) -> list[tuple[str, UUID]]:
    return [(fact.tenant, event.details.appointment_id)]


VIEW = View(
    name="my_records",
    version=3,
    row=RecordRow,
    key=("tenant", "appointment_id"),
    indexes=(
        ("tenant", "patient_id", "starts_at"),
        ("tenant", "clinician_id", "starts_at"),
    ),
    events=dict.fromkeys(
        (
            SlotHeld,
            SlotBooked,
            AppointmentReserved,
            AppointmentPaymentRecorded,
            LatePaymentRefused,
            AppointmentRescheduled,
            AppointmentCancelled,
            AppointmentStarted,
            AppointmentCompleted,
            AppointmentNoShowMarked,
        ),
        keys,
    ),
    project=project,
    subject="patient_id",
)

_LIVE = "status IN ('HELD', 'RESERVED', 'IN_PROGRESS')"
# What has begun stays current until it is over, also beyond its planned end (BKG-42).
_UPCOMING = "(status IN ('HELD', 'RESERVED') AND ends_at > $3 OR status = 'IN_PROGRESS')"
_FILTERS: Mapping[RecordFilter, tuple[str, timedelta]] = {
    RecordFilter.CURRENT: (_UPCOMING, timedelta(0)),
    RecordFilter.LAST_7_DAYS: ("starts_at BETWEEN $3 AND $3 + $4::interval", timedelta(days=7)),
    RecordFilter.LAST_30_DAYS: ("starts_at BETWEEN $3 AND $3 + $4::interval", timedelta(days=30)),
    RecordFilter.ALL: ("true", timedelta(0)),
}


async def find(db: Queries, tenant: str, appointment_id: AppointmentId) -> RecordRow | None:
    return await db.one(VIEW, tenant=tenant, appointment_id=appointment_id)


async def of_patient(
    db: Queries,
    tenant: str,
    patient_id: PatientId,
    which: RecordFilter,
    *,
    now: datetime,
    after: tuple[datetime, AppointmentId] | None,
    limit: int,
) -> Sequence[RecordRow]:
    """What is to come in order of time, what has been with the latest first; behind `after`."""
    condition, span = _FILTERS[which]
    descending = which is not RecordFilter.CURRENT
    where = (
        f"tenant = $1 AND patient_id = $2 AND ({condition}) AND $3::timestamptz IS NOT NULL"
        " AND $4::interval IS NOT NULL AND ($5::timestamptz IS NULL OR"
        f" (starts_at, appointment_id) {'<' if descending else '>'} ($5, $6::uuid))"
    )
    values = (tenant, patient_id, now - span, span, *(after or (None, None)))
    order = ("starts_at", "appointment_id")
    return await db.all(VIEW, where, *values, order=order, descending=descending, limit=limit)


async def of_doctor(
    db: Queries,
    tenant: str,
    clinician_id: ClinicianId,
    *,
    now: datetime,
    after: tuple[datetime, AppointmentId] | None,
    limit: int,
) -> Sequence[RecordRow]:
    """A doctor's upcoming appointments and those in progress in order of time, behind `after`."""
    where = (
        f"tenant = $1 AND clinician_id = $2 AND status <> 'HELD' AND {_UPCOMING}"
        " AND ($4::timestamptz IS NULL OR (starts_at, appointment_id) > ($4, $5::uuid))"
    )
    values = (tenant, clinician_id, now, *(after or (None, None)))
    return await db.all(VIEW, where, *values, order=("starts_at", "appointment_id"), limit=limit)


_COUNT_LIVE = f"""
    SELECT asked.place, (
        SELECT count(*) FROM {VIEW.table} AS record
        WHERE record.tenant = asked.tenant AND record.patient_id = asked.patient_id
        AND record.clinician_id = asked.clinician_id AND record.appointment_id <> asked.beside
        AND {_LIVE}
    )
    FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) WITH ORDINALITY
        AS asked(tenant, patient_id, clinician_id, beside, place)
"""


async def count_live(
    db: Queries,
    tenant: str,
    patient_id: PatientId,
    clinician_id: ClinicianId,
    *,
    beside: AppointmentId,
) -> int:
    """How many other bookings the patient has with the doctor; the quota stream has the last word."""
    count = await db.each(_COUNT_LIVE, tenant, patient_id, clinician_id, beside)
    return int(count)

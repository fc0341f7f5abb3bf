"""How appointments are shown, and found with the right to see them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum

from booking.api.shown import (
    BranchOut,
    ServiceOut,
    Times,
    show_branch,
    show_service,
    show_slots,
    show_times,
)
from booking.domain.appointment.events import CancelledBy, PaymentStatus
from booking.domain.details import AppointmentKind, PaymentMode
from booking.domain.doctor_day.events import Slot
from booking.read_models import branches, my_records, price_list
from booking.read_models.branches import BranchRow
from booking.read_models.my_records import RecordRow, RecordStatus
from booking.read_models.price_list import ServiceRow
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import NotFound, Problem
from service_kit.texts import Language
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, ServiceId
from vocabulary.zone import ZoneId, utc_to_local

__all__ = ["AppointmentOut", "Surroundings", "own_record", "show_appointment", "with_free_slots"]


class ApprovalStatus(StrEnum):
    """Whether an insurer has to consent (BKG-33); no service of the suite needs that yet (BIL-49)."""

    NOT_REQUIRED = "NOT_REQUIRED"


class AppointmentOut(Times):
    """An appointment. `hold_expires_at`: pay before this instant."""

    appointment_id: AppointmentId
    status: RecordStatus
    payment_status: PaymentStatus
    payment_mode: PaymentMode
    approval_status: ApprovalStatus = ApprovalStatus.NOT_REQUIRED
    hold_expires_at: datetime | None
    clinician_id: ClinicianId
    doctor_name: str
    specialty: str
    kind: AppointmentKind
    institution: BranchOut | None
    service: ServiceOut | None
    moves: int
    cancelled_by: CancelledBy | None
    cancel_reason: str | None
    refund_eligible: bool | None
    late_payment_refused: bool


class Surroundings:
    """The branches and services of some appointments."""

    def __init__(
        self, at: dict[BranchId, BranchRow], services: dict[ServiceId, ServiceRow]
    ) -> None:
        self._at, self._services = at, services

    @classmethod
    async def of(cls, rows: Sequence[RecordRow], db: Queries, tenant: str) -> "Surroundings":
        """Two queries for all of them."""
        return cls(
            await branches.by_ids(db, tenant, {row.branch_id for row in rows}),
            await price_list.by_ids(db, tenant, {row.service_id for row in rows}),
        )

    def show(self, row: RecordRow, language: Language) -> AppointmentOut:
        """An appointment with its branch and service."""
        return show_appointment(
            row, self._at.get(row.branch_id), self._services.get(row.service_id), language
        )


async def own_record(
    appointment_id: AppointmentId,
    db: Queries,
    caller: Caller,
    catch_up: Callable[[], Awaitable[object]],
) -> RecordRow:
    """The appointment, for its patient, its doctor, or the clinic; raises NotFound or 403 NOT_YOURS.

    One that is not there is looked for again when the views have caught up: it may have just been reserved.
    """
    row = await my_records.find(db, caller.tenant, appointment_id)
    if row is None:
        await catch_up()
        row = await my_records.find(db, caller.tenant, appointment_id)
    if row is None:
        raise NotFound
    doctor = row.clinician_id if "clinician" in caller.roles else None
    caller.require(patient_id=row.patient_id, clinician_id=doctor)
    return row


def with_free_slots(code: str, free: Sequence[Slot], zone: ZoneId, caller: Caller) -> Problem:
    """A refusal that shows what can still be had on that day (BKG-26)."""
    shown = show_slots(free, zone, caller.language)
    return Problem(
        409, code, facts={"free_slots": [slot.model_dump(mode="json") for slot in shown]}
    )


def show_appointment(
    row: RecordRow, branch: BranchRow | None, service: ServiceRow | None, language: Language
) -> AppointmentOut:
    return AppointmentOut(
        **show_times(row.starts_at, row.ends_at, row.zone, language),
        appointment_id=row.appointment_id,
        status=row.status,
        payment_status=row.payment_status,
        payment_mode=row.payment_mode,
        hold_expires_at=row.hold_expires_at and utc_to_local(row.hold_expires_at, row.zone),
        clinician_id=row.clinician_id,
        doctor_name=row.doctor_name,
        specialty=row.specialty,
        kind=row.kind,
        institution=show_branch(branch) if branch else None,
        service=show_service(service) if service else None,
        moves=row.moves,
        cancelled_by=row.cancelled_by,
        cancel_reason=row.cancel_reason,
        refund_eligible=row.refund_eligible,
        late_payment_refused=row.late_payment_refused,
    )

"""Routes of consultations: lists, and the steps of a doctor and a patient."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from consultation_room.api.access import ACCESS
from consultation_room.api.dependencies import QueriesDep, RoomDep, participants_for, side_of
from consultation_room.api.problems import PROBLEMS
from consultation_room.application import consultations as application
from consultation_room.domain.consultation.commands import AdmitPatient, ResumeConsultation
from consultation_room.domain.consultation.errors import (
    NotAssignedDoctor,
    NotInWork,
    PaymentRequired,
    TooEarly,
)
from consultation_room.domain.consultation.events import ConsultationEvent
from consultation_room.domain.consultation.state import (
    Consultation,
    ConsultationStatus,
    expect_known,
)
from consultation_room.domain.details import (
    AuthorRole,
    Channel,
    ConsultationClosed,
    ConsultationNotFound,
    ConsultationType,
    PaymentStatus,
)
from consultation_room.read_models import consultations as view
from consultation_room.read_models.consultations import ConsultationRow, ListName, Scope
from event_store import Handled
from service_kit import texts
from service_kit.access import Caller, Ownership
from service_kit.problems import Denied, NotFound
from vocabulary.ids import AppointmentId, ClinicianId, ConsultationId, PatientId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/consultations", tags=["consultations"])

_GATE = (ConsultationNotFound, ConsultationClosed, PaymentRequired)


class ConsultationOut(BaseModel):
    """A consultation. Times are those of the branch's zone, which `zone` and `zone_label` name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "consultation_id": "0190a0d0-0000-5000-8000-000000000001",
                    "appointment_id": "0190a0c0-0000-7000-8000-000000000001",
                    "patient_id": "0190a0b0-0000-7000-8000-000000000001",
                    "clinician_id": "0190a0a0-0000-7000-8000-000000000001",
                    "doctor_name": "Иванова Анна Петровна",
                    "specialty": "Кардиолог",
                    "branch_id": "0190a090-0000-7000-8000-000000000001",
                    "service_id": "0190a080-0000-7000-8000-000000000001",
                    "consultation_type": "PRIMARY",
                    "preferred_channel": "CHAT",
                    "planned_start": "2026-11-21T13:00:00+03:00",
                    "planned_end": "2026-11-21T13:30:00+03:00",
                    "duration_minutes": 30,
                    "zone": "Europe/Moscow",
                    "zone_label": "UTC+3",
                    "status": "PATIENT_WAITING",
                    "overdue": False,
                    "can_connect": True,
                    "payment_status": "PAID",
                    "waiting_since": "2026-11-21T12:57:02+03:00",
                    "taken_at": None,
                    "completed_at": None,
                    "conclusion_id": None,
                    "conclusion_published_at": None,
                }
            ]
        }
    )

    consultation_id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    doctor_name: str
    specialty: str
    branch_id: UUID
    service_id: UUID
    consultation_type: ConsultationType
    preferred_channel: Channel | None
    planned_start: datetime
    planned_end: datetime
    duration_minutes: int
    zone: str
    zone_label: str
    status: ConsultationStatus
    overdue: bool
    can_connect: bool
    payment_status: PaymentStatus
    waiting_since: datetime | None
    taken_at: datetime | None
    completed_at: datetime | None
    conclusion_id: UUID | None = Field(description="Of the signed conclusion, once published")
    conclusion_published_at: datetime | None

    @classmethod
    def of(cls, row: ConsultationRow, now: datetime) -> "ConsultationOut":
        """The row as seen at an instant."""
        zone = ZoneInfo(row.zone)

        def local(moment: datetime | None) -> datetime | None:
            return moment and moment.astimezone(zone)

        open_ = row.status not in {
            ConsultationStatus.COMPLETED,
            ConsultationStatus.CANCELLED,
            ConsultationStatus.EXPIRED,
        }
        waits = row.status in {ConsultationStatus.PLANNED, ConsultationStatus.PATIENT_WAITING}
        return cls(
            consultation_id=row.consultation_id,
            appointment_id=row.appointment_id,
            patient_id=row.patient_id,
            clinician_id=row.clinician_id,
            doctor_name=row.doctor_name,
            specialty=row.specialty,
            branch_id=row.branch_id,
            service_id=row.service_id,
            consultation_type=row.consultation_type,
            preferred_channel=row.preferred_channel,
            planned_start=row.planned_start.astimezone(zone),
            planned_end=row.planned_end.astimezone(zone),
            duration_minutes=round((row.planned_end - row.planned_start).total_seconds() / 60),
            zone=row.zone,
            zone_label=texts.zone_label(row.planned_start, row.zone),
            status=row.status,
            overdue=waits and now > row.planned_start,
            can_connect=open_ and row.payment_status.lets_in,
            payment_status=row.payment_status,
            waiting_since=local(row.waiting_since),
            taken_at=local(row.taken_at),
            completed_at=local(row.completed_at),
            conclusion_id=row.conclusion_id,
            conclusion_published_at=local(row.conclusion_published_at),
        )


class ConsultationPage(BaseModel):
    """A page of one list, and how many consultations each list has."""

    items: Sequence[ConsultationOut]
    next: str | None
    counts: dict[ListName, int]


class ConsultationState(BaseModel):
    """Where the consultation stands now."""

    consultation_id: UUID
    status: ConsultationStatus


@router.get("")
async def list_consultations(
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_consultations"))],
    of: Annotated[
        ListName | None, Query(alias="list", description="One of the doctor's lists")
    ] = None,
    appointment_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> ConsultationPage:
    """Consultations with the counts of all lists: a doctor's or a patient's own, for the clinic's staff all.

    `new` has what was not taken yet; what should have started already is in `overdue` instead. `in_work` has what
    was taken, also when the doctor has left it for a while, and `closed` what the doctor has completed.
    """
    own = caller.ownership is Ownership.SELF
    scope = Scope(
        tenant=caller.tenant,
        clinician_id=_whose(caller) if own and caller.role == "clinician" else None,
        patient_id=_patient(caller) if own and caller.role == "patient" else None,
        appointment_id=None if appointment_id is None else AppointmentId(appointment_id),
    )
    found = await view.page(queries, scope, of, now=caller.now, after=cursor, limit=limit)
    return ConsultationPage(
        items=[ConsultationOut.of(row, caller.now) for row in found.items],
        next=found.next,
        counts=await view.count(queries, scope, now=caller.now),
    )


@router.get("/{consultation_id}")
async def read_consultation(
    consultation_id: UUID,
    queries: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_consultation"))],
) -> ConsultationOut:
    """One consultation. `can_connect` is true from the booking on until the end, as soon as nothing is owed."""
    row = await view.find(queries, caller.tenant, ConsultationId(consultation_id))
    if row is None:
        raise NotFound
    caller.require(patient_id=row.patient_id, clinician_id=row.clinician_id)
    return ConsultationOut.of(row, caller.now)


@router.post("/{consultation_id}/connection", responses=PROBLEMS.of(*_GATE))
async def connect(
    consultation_id: UUID,
    room: RoomDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("connect"))],
) -> ConsultationState:
    """Enter the room, or come back to it: a patient then waits for the doctor, a doctor continues.

    402 while the appointment is not paid: its invoice is at `/api/v1/invoices?appointment_id=`.
    """
    participants, _ = await participants_for(room, caller, consultation_id)
    command: AdmitPatient | ResumeConsultation
    if side_of(caller, participants) is AuthorRole.DOCTOR:
        command = ResumeConsultation(
            consultation_id=participants.consultation_id,
            clinician_id=participants.clinician_id,
            now=caller.now,
        )
    else:
        command = AdmitPatient(consultation_id=participants.consultation_id, now=caller.now)
    context = caller.context(subject=str(participants.patient_id))
    return _now(
        caller,
        await room.consultations.handle(command, key=consultation_id, context=context),
    )


@router.post(
    "/{consultation_id}/taking", responses=PROBLEMS.of(*_GATE, NotAssignedDoctor, TooEarly)
)
async def take_in_work(
    consultation_id: UUID,
    room: RoomDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("take_in_work"))],
) -> ConsultationState:
    """Start the consultation: from the minutes before the planned start that the clinic's policy gives.

    Too early is answered with 409 TOO_EARLY and `facts.allowed_at`. The policies of this moment hold until its end.
    """
    participants, _ = await participants_for(room, caller, consultation_id)
    subject = str(participants.patient_id)
    handled = await application.take_in_work(
        room,
        caller.tenant,
        participants.consultation_id,
        _whose(caller),
        caller.now,
        lambda version: caller.context(subject=subject, policy=version),
    )
    return _now(caller, handled)


@router.post(
    "/{consultation_id}/completion",
    responses=PROBLEMS.of(ConsultationNotFound, ConsultationClosed, NotAssignedDoctor, NotInWork),
)
async def complete_consultation(
    consultation_id: UUID,
    room: RoomDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("complete_consultation"))],
) -> ConsultationState:
    """End the consultation for both sides at once; it can only be read from then on."""
    participants, _ = await participants_for(room, caller, consultation_id)
    subject = str(participants.patient_id)
    handled = await application.complete(
        room,
        caller.tenant,
        participants.consultation_id,
        _whose(caller),
        caller.now,
        lambda version: caller.context(subject=subject, policy=version),
    )
    return _now(caller, handled)


def _whose(caller: Caller) -> ClinicianId:
    if caller.clinician_id is None:
        raise Denied("NOT_YOURS")
    return caller.clinician_id


def _patient(caller: Caller) -> PatientId:
    """A patient without a card has no consultations, and never everybody's."""
    if caller.patient_id is None:
        raise Denied("NOT_YOURS")
    return caller.patient_id


def _now(caller: Caller, handled: Handled[Consultation, ConsultationEvent]) -> ConsultationState:
    caller.confirm(handled)
    known = expect_known(handled.state)
    return ConsultationState(
        consultation_id=known.details.participants.consultation_id, status=known.status
    )

"""The end of an appointment in the clinic, which no room tells of (BKG-33)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from booking.api.access import ACCESS
from booking.api.dependencies import BookingDep, CatchUpDep, QueriesDep
from booking.api.problems import PROBLEMS
from booking.api.shown_appointments import own_record
from booking.domain.appointment.commands import CompleteVisit, MarkVisitMissed
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentNoShow,
    AppointmentNotBegun,
    AppointmentNotFound,
    EndsInItsRoom,
    NotReserved,
)
from booking.read_models.my_records import RecordRow, RecordStatus
from read_models import Queries
from service_kit.access import Caller
from vocabulary.ids import AppointmentId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/appointments", tags=["appointments"])

_REFUSALS = (
    AppointmentNotFound,
    AppointmentAlreadyCancelled,
    AppointmentNotBegun,
    EndsInItsRoom,
    NotReserved,
)


class VisitOut(BaseModel):
    """Where the appointment stands now."""

    appointment_id: AppointmentId
    status: RecordStatus


@router.post("/{appointment_id}/completion", responses=PROBLEMS.of(*_REFUSALS, AppointmentNoShow))
async def complete_visit(
    appointment_id: AppointmentId,
    booking: BookingDep,
    db: QueriesDep,
    catch_up: CatchUpDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("complete_visit"))],
) -> VisitOut:
    """Say that a patient was seen in the clinic, from the start of the appointment on.

    An online appointment is completed by its consultation.
    """
    row = await _at_the_desk(appointment_id, db, caller, catch_up)
    handled = await booking.appointments.handle(
        CompleteVisit(appointment_id=appointment_id, now=caller.now),
        key=appointment_id,
        context=caller.context(subject=str(row.patient_id)),
    )
    caller.confirm(handled)
    return VisitOut(appointment_id=appointment_id, status=RecordStatus.COMPLETED)


@router.post(
    "/{appointment_id}/no-show", responses=PROBLEMS.of(*_REFUSALS, AppointmentAlreadyCompleted)
)
async def mark_visit_missed(
    appointment_id: AppointmentId,
    booking: BookingDep,
    db: QueriesDep,
    catch_up: CatchUpDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("mark_visit_missed"))],
) -> VisitOut:
    """Say that a patient did not come to the clinic, from the start of the appointment on.

    It can be taken back by a cancellation, with a full refund. An online appointment is ended by its room.
    """
    row = await _at_the_desk(appointment_id, db, caller, catch_up)
    handled = await booking.appointments.handle(
        MarkVisitMissed(appointment_id=appointment_id, now=caller.now),
        key=appointment_id,
        context=caller.context(subject=str(row.patient_id)),
    )
    caller.confirm(handled)
    return VisitOut(appointment_id=appointment_id, status=RecordStatus.NO_SHOW)


async def _at_the_desk(
    appointment_id: AppointmentId, db: Queries, caller: Caller, catch_up: CatchUpDep
) -> RecordRow:
    """The appointment, for its doctor or the clinic; a doctor has no word about a visit of their own as a patient."""
    row = await own_record(appointment_id, db, caller, catch_up)
    caller.require(clinician_id=row.clinician_id)
    return row

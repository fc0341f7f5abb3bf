"""Cancelling and moving an appointment (S7)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from booking.api.access import ACCESS
from booking.api.dependencies import BookingDep, CatchUpDep, PoliciesDep, QueriesDep
from booking.api.problems import PROBLEMS
from booking.api.shown import Times, show_times
from booking.api.shown_appointments import own_record, with_free_slots
from booking.api.times import Instant
from booking.application import Booking
from booking.application.cancelling import cancel
from booking.application.rescheduling import move
from booking.domain.appointment.commands import CancelAppointment, RequestReschedule
from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentAlreadyStarted,
    AppointmentNoShow,
    AppointmentNotFound,
    NotReserved,
    PaidAppointmentNotCancellable,
    RescheduleInProgress,
    RescheduleTooLate,
)
from booking.domain.appointment.events import CancelledBy
from booking.domain.appointment.state import Cancelled, Reserved
from booking.domain.details import local_day_of
from booking.domain.doctor_day.errors import SlotInPast, SlotNotOffered, SlotTaken
from booking.domain.doctor_day.events import Slot
from booking.domain.doctor_day.state import day_key
from booking.read_models import day_slots
from booking.read_models.my_records import RecordRow, RecordStatus
from read_models import Queries
from service_kit.access import Caller
from vocabulary.ids import AppointmentId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/appointments", tags=["appointments"])

_PATIENCE_SECONDS = 5.0


class CancelReason(StrEnum):
    """Why, from a list: no free text leaves the room."""

    PLANS_CHANGED = "PLANS_CHANGED"
    UNWELL = "UNWELL"
    BOOKED_BY_MISTAKE = "BOOKED_BY_MISTAKE"
    FOUND_ANOTHER_TIME = "FOUND_ANOTHER_TIME"
    DOCTOR_UNAVAILABLE = "DOCTOR_UNAVAILABLE"
    OTHER = "OTHER"


class CancelBody(BaseModel):
    reason: CancelReason = CancelReason.OTHER


class CancellationOut(BaseModel):
    """What became of it; `refund_eligible`: what was paid goes back."""

    appointment_id: AppointmentId
    status: RecordStatus
    refund_eligible: bool


class RescheduleBody(BaseModel):
    starts_at: Annotated[Instant, Field(description="The start of a free slot of the same doctor")]


class RescheduleOut(Times):
    """Where the appointment is now. `RESCHEDULING`: not decided yet, ask again with the same key."""

    appointment_id: AppointmentId
    status: Annotated[str, Field(examples=["RESERVED"])]
    moves: int


@router.post(
    "/{appointment_id}/cancellation",
    responses=PROBLEMS.of(
        AppointmentNotFound,
        AppointmentAlreadyCompleted,
        AppointmentAlreadyStarted,
        AppointmentNoShow,
        PaidAppointmentNotCancellable,
    ),
)
async def cancel_appointment(
    appointment_id: AppointmentId,
    body: CancelBody,
    booking: BookingDep,
    db: QueriesDep,
    catch_up: CatchUpDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("cancel_appointment"))],
) -> CancellationOut:
    """Cancel an appointment.

    A patient gets the money back up to the policy's window before the start (120 minutes, the last one included), and
    cannot cancel once the doctor has taken the consultation in work; a doctor or the clinic cancels at any time, also
    what was marked as a no-show, with a refund.
    """
    row = await own_record(appointment_id, db, caller, catch_up)
    rules, version = await policies.at(caller.tenant, caller.now)
    handled = await cancel(
        booking.appointments,
        CancelAppointment(
            appointment_id=appointment_id,
            by=_side(row, caller),
            reason=body.reason.value,
            policies=rules,
            now=caller.now,
        ),
        caller.context(subject=str(row.patient_id), policy=version),
        patience_seconds=_PATIENCE_SECONDS,
    )
    caller.confirm(handled)
    refund = isinstance(handled.state, Cancelled) and handled.state.refund_eligible
    return CancellationOut(
        appointment_id=appointment_id, status=RecordStatus.CANCELLED, refund_eligible=refund
    )


@router.post(
    "/{appointment_id}/rescheduling",
    responses={
        202: {"model": RescheduleOut, "description": "Not decided yet; repeat with the same key"},
        **PROBLEMS.of(
            AppointmentNotFound,
            AppointmentAlreadyCancelled,
            AppointmentAlreadyCompleted,
            AppointmentAlreadyStarted,
            AppointmentNoShow,
            NotReserved,
            PaidAppointmentNotCancellable,
            RescheduleTooLate,
            RescheduleInProgress,
            SlotTaken,
            SlotNotOffered,
            SlotInPast,
        ),
    },
)
async def reschedule_appointment(
    appointment_id: AppointmentId,
    body: RescheduleBody,
    response: Response,
    booking: BookingDep,
    db: QueriesDep,
    catch_up: CatchUpDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("reschedule_appointment"))],
) -> RescheduleOut:
    """Move an appointment to another free slot of the same doctor; appointment and payment stay.

    The new slot is booked before the old one is freed, so the patient always has one. Allowed as long as a
    cancellation by the same person would be refunded, until the doctor has taken the consultation in work.
    """
    row = await own_record(appointment_id, db, caller, catch_up)
    slot = await _slot_for(row, body.starts_at, db, caller.tenant)
    rules, version = await policies.at(caller.tenant, caller.now)
    context = caller.context(subject=str(row.patient_id), policy=version)
    handled = await move(
        booking.appointments,
        RequestReschedule(
            appointment_id=appointment_id,
            by=_side(row, caller),
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            request_id=context.command_id,
            policies=rules,
            now=caller.now,
        ),
        context,
        patience_seconds=_PATIENCE_SECONDS,
    )
    caller.confirm(handled)
    state = handled.state
    if not isinstance(state, Reserved):
        raise AppointmentAlreadyCancelled
    if state.move is not None and state.move.declined is not None:
        free = await _free_slots(row, slot.starts_at, booking, caller)
        raise with_free_slots(state.move.declined, free, row.zone, caller)
    waiting = state.open_move is not None
    response.status_code = 202 if waiting else 200
    now_at = state.details
    return RescheduleOut(
        **show_times(now_at.starts_at, now_at.ends_at, now_at.zone, caller.language),
        appointment_id=appointment_id,
        status="RESCHEDULING" if waiting else RecordStatus.RESERVED,
        moves=state.moves_made,
    )


def _side(row: RecordRow, caller: Caller) -> CancelledBy:
    """Whose wish it is: a doctor may be a patient too, and a manager also."""
    if caller.patient_id == row.patient_id:
        return CancelledBy.PATIENT
    if caller.clinician_id == row.clinician_id and "clinician" in caller.roles:
        return CancelledBy.DOCTOR
    return CancelledBy.CLINIC


async def _slot_for(row: RecordRow, starts_at: datetime, db: Queries, tenant: str) -> Slot:
    day = local_day_of(starts_at, row.zone)
    of_day = await day_slots.find(db, tenant, row.clinician_id, day)
    slot = of_day.slot_at(starts_at) if of_day else None
    if slot is None:
        raise SlotNotOffered
    return slot


async def _free_slots(
    row: RecordRow, starts_at: datetime, booking: Booking, caller: Caller
) -> tuple[Slot, ...]:
    key = day_key(row.clinician_id, local_day_of(starts_at, row.zone))
    day, _ = await booking.doctor_days.load(tenant=caller.tenant, key=key)
    return day.free_slots(caller.now)

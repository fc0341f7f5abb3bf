"""The last two steps of booking: the summary, and the reservation that it confirms."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from pydantic import Field

from booking.api.access import ACCESS
from booking.api.choosing import Choice, Chosen, complete
from booking.api.dependencies import BookingDep, PoliciesDep, QueriesDep, SealersDep, the_patient
from booking.api.problems import PROBLEMS
from booking.api.shown import BranchOut, ServiceOut, Times, show_branch, show_service, show_times
from booking.api.shown_appointments import AppointmentOut, show_appointment, with_free_slots
from booking.api.times import Instant
from booking.domain.details import AppointmentKind, PaymentMode
from booking.domain.doctor_day.commands import HoldSlot, TakeSlot
from booking.domain.doctor_day.decider import hold_ends_at
from booking.domain.doctor_day.errors import SlotInPast, SlotNotOffered, SlotTaken
from booking.domain.doctor_day.state import Booked, DoctorDay, Held, claim_key, day_key
from booking.domain.doctor_listing.errors import DoctorNotFound
from booking.domain.patient_booking_quota.errors import UnconfirmedLimit
from booking.domain.service_price.errors import ServiceNotForAppointment
from booking.read_models import my_records
from booking.read_models.my_records import RecordRow, RecordStatus
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Problem
from vocabulary.ids import AppointmentId, ClinicianId, ServiceId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["appointments"])

_MINUTE: Final = timedelta(minutes=1)
_NO_APPOINTMENT_YET = AppointmentId(UUID(int=0))


class ReserveBody(Choice):
    """A choice that was confirmed after its summary had been shown."""

    confirmed: Annotated[
        bool, Field(description="The patient has seen the summary and confirmed it")
    ] = False


class Summary(Times):
    """Everything to be confirmed before reserving (BKG-23)."""

    institution: BranchOut
    patient: Annotated[str | None, Field(examples=["Иванов Пётр Сергеевич"])]
    doctor_name: str
    specialty: str
    kind: AppointmentKind
    services: list[ServiceOut]
    total_kopecks: int
    payment_mode: PaymentMode
    hold_minutes: Annotated[
        int | None, Field(description="How long the slot is kept while the patient pays")
    ]


@router.get(
    "/doctors/{clinician_id}/slots/{starts_at}/summary",
    responses=PROBLEMS.of(DoctorNotFound, SlotNotOffered, ServiceNotForAppointment),
)
async def summarise_slot(
    clinician_id: ClinicianId,
    starts_at: Instant,
    kind: AppointmentKind,
    service_id: ServiceId,
    db: QueriesDep,
    policies: PoliciesDep,
    sealers: SealersDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("summarise_slot"))],
) -> Summary:
    """Show what would be reserved: institution, patient, doctor, time with zone, services. Nothing is held yet."""
    chosen = await complete(
        Choice(clinician_id=clinician_id, starts_at=starts_at, kind=kind, service_id=service_id),
        appointment_id=_NO_APPOINTMENT_YET,
        patient_id=the_patient(caller),
        caller=caller,
        db=db,
        policies=policies,
    )
    details = chosen.details
    service = show_service(chosen.service)
    name = chosen.patient.sealed_name if chosen.patient else []
    paid_before = details.payment_mode is PaymentMode.PAY_TO_BOOK
    return Summary(
        **show_times(details.starts_at, details.ends_at, details.zone, caller.language),
        institution=show_branch(chosen.branch),
        patient=" ".join(await sealers.of(caller.tenant).open_all(name)) or None,
        doctor_name=details.doctor_name,
        specialty=details.specialty,
        kind=details.kind,
        services=[service],
        total_kopecks=service.price_kopecks,
        payment_mode=details.payment_mode,
        hold_minutes=_hold_minutes(chosen, caller.now) if paid_before else None,
    )


@router.post(
    "/appointments",
    status_code=201,
    responses=PROBLEMS.of(
        DoctorNotFound,
        ServiceNotForAppointment,
        SlotTaken,
        SlotNotOffered,
        SlotInPast,
        UnconfirmedLimit,
    ),
)
async def reserve_appointment(
    body: ReserveBody,
    booking: BookingDep,
    db: QueriesDep,
    policies: PoliciesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("reserve_appointment"))],
) -> AppointmentOut:
    """Reserve a slot, or hold it until it is paid.

    `confirmed` must be true: the patient has seen the summary. When somebody was faster, 409 SLOT_TAKEN carries the
    slots of the day that are still free as `facts.free_slots`.
    """
    if not body.confirmed:
        raise Problem(409, "CONFIRMATION_REQUIRED")
    patient_id = the_patient(caller)
    chosen = await complete(
        body,
        appointment_id=_appointment_id(body, caller),
        patient_id=patient_id,
        caller=caller,
        db=db,
        policies=policies,
    )
    await _refuse_over_limit(chosen, db, caller)
    details = chosen.details
    context = caller.context(subject=str(patient_id), policy=chosen.policy_version)
    try:
        handled = await booking.doctor_days.handle(
            _claim(chosen, caller.now),
            key=day_key(details.clinician_id, details.day),
            context=context,
        )
    except SlotTaken as taken:
        raise with_free_slots("SLOT_TAKEN", taken.free_slots, details.zone, caller) from None
    caller.confirm(handled)
    return show_appointment(
        _claimed(chosen, handled.state, caller.tenant),
        chosen.branch,
        chosen.service,
        caller.language,
    )


def _appointment_id(choice: Choice, caller: Caller) -> AppointmentId:
    """The same for a repeat, another one for another choice under the same key."""
    wanted = (
        f"{choice.clinician_id}/{choice.starts_at.timestamp()}/{choice.kind}/{choice.service_id}"
    )
    return AppointmentId(uuid5(caller.context().command_id, wanted))


async def _refuse_over_limit(chosen: Chosen, db: Queries, caller: Caller) -> None:
    """The early answer; what comes at the same time is refused by the patient's quota (BKG-28)."""
    limit, details = chosen.booking_limit, chosen.details
    if limit is None:
        return
    others = await my_records.count_live(
        db,
        caller.tenant,
        details.patient_id,
        details.clinician_id,
        beside=details.appointment_id,
    )
    if others >= limit:
        raise UnconfirmedLimit(limit=limit)


def _hold_minutes(chosen: Chosen, now: datetime) -> int:
    """Whole minutes of the hold that would begin now."""
    wished = now + timedelta(minutes=chosen.rules.hold_minutes)
    return max(hold_ends_at(chosen.details.starts_at, wished) - now, timedelta()) // _MINUTE


def _claim(chosen: Chosen, now: datetime) -> HoldSlot | TakeSlot:
    if chosen.details.payment_mode is PaymentMode.PAY_TO_BOOK:
        return HoldSlot(
            details=chosen.details,
            expires_at=now + timedelta(minutes=chosen.rules.hold_minutes),
            now=now,
            booking_limit=chosen.booking_limit,
        )
    return TakeSlot(details=chosen.details, now=now, booking_limit=chosen.booking_limit)


def _claimed(chosen: Chosen, day: DoctorDay, tenant: str) -> RecordRow:
    """The appointment as its claim stands, which for a late repeat may have ended."""
    match day.claims[claim_key(chosen.details)]:
        case Held(details=details, expires_at=expires_at):
            return my_records.claimed(tenant, details, RecordStatus.HELD, expires_at)
        case Booked(details=details):
            return my_records.claimed(tenant, details, RecordStatus.RESERVED)
        case _:
            return my_records.claimed(tenant, chosen.details, RecordStatus.CANCELLED)

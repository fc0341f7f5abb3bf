"""What follows from a claimed slot, a payment, an end."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from booking.application.processes.reservation import RESERVATION, on_payment_recorded
from booking.bootstrap import build_booking
from booking.domain.appointment.commands import (
    AppointmentCommand,
    CancelAppointment,
    LapseAppointment,
    RecordLatePayment,
    RecordPayment,
    RequestAppointment,
    ReserveAppointment,
)
from booking.domain.appointment.errors import AppointmentAlreadyCancelled
from booking.domain.appointment.events import (
    HOLD_EXPIRED,
    AppointmentCancelled,
    AppointmentCompleted,
    AppointmentNoShowMarked,
    AppointmentPaymentRecorded,
    AppointmentRequested,
    CancelledBy,
    LatePaymentRefused,
)
from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.commands import BookSlot, FreeSlot
from booking.domain.doctor_day.errors import SlotNotHeld
from booking.domain.doctor_day.events import SlotBooked, SlotHeld, SlotHoldExpired
from booking.domain.patient_booking_quota.commands import ClaimQuota, ReleaseQuota
from booking.domain.patient_booking_quota.errors import UnconfirmedLimit
from booking.domain.patient_booking_quota.state import PatientBookingQuota
from decider import Rejection
from event_store import CommandContext
from event_store.memory import MemoryEventStore
from messaging import Cause, Dispatch
from vocabulary.ids import AppointmentId, InvoiceId

INVOICE = InvoiceId(UUID(int=7))
DAY = f"{UUID(int=3)}:2026-12-02"


def follow(event: Any, cause: Cause) -> list[Dispatch]:
    reactions: Any = RESERVATION.reactions
    return list(reactions[type(event)](event, cause))


def sent(dispatches: list[Dispatch]) -> list[tuple[str, object, object]]:
    return [(dispatch.to, dispatch.key, dispatch.command) for dispatch in dispatches]


def otherwise(dispatch: Dispatch, refusal: Rejection) -> list[Dispatch]:
    (answer,) = dispatch.otherwise.values()
    assert isinstance(refusal, tuple(dispatch.otherwise))
    return list(answer(refusal))


def cancelled(details: AppointmentDetails, reason: str) -> AppointmentCancelled:
    return AppointmentCancelled(
        details=details,
        by=CancelledBy.SYSTEM,
        reason=reason,
        was_reserved=False,
        lead_minutes=1,
        refund_eligible=True,
    )


def test_a_held_slot_becomes_a_requested_appointment(
    details: AppointmentDetails, cause: Cause
) -> None:
    until = cause.now + timedelta(minutes=15)
    event = SlotHeld(details=details, expires_at=until, held_at=cause.now, booking_limit=1)
    command = RequestAppointment(details=details, hold_expires_at=until, booking_limit=1)
    assert sent(follow(event, cause)) == [("appointments", UUID(int=1), command)]


def test_a_slot_taken_at_once_becomes_one_too(details: AppointmentDetails, cause: Cause) -> None:
    event = SlotBooked(details=details, booking_limit=1)
    command = RequestAppointment(details=details, booking_limit=1)
    assert sent(follow(event, cause)) == [("appointments", UUID(int=1), command)]


def test_the_slot_of_a_move_is_not_its_business(details: AppointmentDetails, cause: Cause) -> None:
    assert follow(SlotBooked(details=details, move=1), cause) == []


@pytest.mark.requirement("BKG-29")
def test_a_paid_slot_reserves_and_goes_back_when_the_appointment_has_ended(
    details: AppointmentDetails, cause: Cause
) -> None:
    (reserve,) = follow(SlotBooked(details=details, invoice_id=INVOICE), cause)
    command = ReserveAppointment(details=details, invoice_id=INVOICE)
    assert sent([reserve]) == [("appointments", UUID(int=1), command)]
    back = otherwise(reserve, AppointmentAlreadyCancelled())
    assert sent(back) == [
        (
            "doctor_days",
            DAY,
            FreeSlot(appointment_id=details.appointment_id, starts_at=details.starts_at),
        ),
        (
            "appointments",
            UUID(int=1),
            RecordLatePayment(
                appointment_id=details.appointment_id, invoice_id=INVOICE, now=cause.now
            ),
        ),
    ]


@pytest.mark.requirement("BKG-28")
def test_a_requested_appointment_counts_or_is_cancelled(
    details: AppointmentDetails, cause: Cause
) -> None:
    event = AppointmentRequested(details=details, hold_expires_at=cause.now, booking_limit=1)
    (claim,) = follow(event, cause)
    assert sent([claim]) == [
        (
            "quotas",
            UUID(int=2),
            the_claim(details),
        )
    ]
    (cancel,) = otherwise(claim, UnconfirmedLimit(limit=1))
    assert isinstance(cancel.command, CancelAppointment)
    assert (cancel.command.by, cancel.command.reason) == (
        CancelledBy.SYSTEM,
        "UNCONFIRMED_LIMIT",
    )


def test_without_a_hold_the_appointment_is_reserved_after_it_counts(
    details: AppointmentDetails, cause: Cause
) -> None:
    _, reserve = follow(AppointmentRequested(details=details), cause)
    assert reserve.command == ReserveAppointment(details=details)


def the_booking_of(details: AppointmentDetails, until: datetime) -> BookSlot:
    return BookSlot(
        appointment_id=details.appointment_id,
        starts_at=details.starts_at,
        invoice_id=INVOICE,
        now=until,
    )


async def follow_payment(
    details: AppointmentDetails, cause: Cause, *before: AppointmentCommand, others: int = 0
) -> tuple[list[Dispatch], PatientBookingQuota]:
    """What follows from the payment of an appointment, and what counts then beside `others` of the same doctor."""
    booking, names = build_booking(MemoryEventStore()), count(1)

    async def say(handler: Any, key: UUID, command: object) -> None:
        context = CommandContext(command_id=UUID(int=next(names)), metadata=cause.envelope.metadata)
        await handler.handle(command, key=key, context=context)

    me, patient = details.appointment_id, details.patient_id
    asked = RequestAppointment(details=details, hold_expires_at=cause.now, booking_limit=1)
    for command in (asked, *before, RecordPayment(appointment_id=me, invoice_id=INVOICE)):
        await say(booking.appointments, me, command)
    for number in range(others):
        other = AppointmentId(UUID(int=100 + number))
        await say(booking.quotas, patient, replace(the_claim(details), appointment_id=other))
    paid = AppointmentPaymentRecorded(details=details, invoice_id=INVOICE)
    dispatches = await on_payment_recorded(paid, cause, booking)
    quota, _ = await booking.quotas.load(tenant=cause.tenant, key=patient)
    return list(dispatches), quota


def the_claim(details: AppointmentDetails) -> ClaimQuota:
    return ClaimQuota(
        patient_id=details.patient_id,
        appointment_id=details.appointment_id,
        clinician_id=details.clinician_id,
        limit=1,
    )


@pytest.mark.requirement("BKG-30")
async def test_a_payment_books_the_slot_or_is_refused(
    details: AppointmentDetails, cause: Cause
) -> None:
    (book,), quota = await follow_payment(details, cause)
    assert sent([book]) == [("doctor_days", DAY, the_booking_of(details, cause.now))]
    (refuse,) = otherwise(book, SlotNotHeld())
    assert refuse.command == RecordLatePayment(
        appointment_id=details.appointment_id, invoice_id=INVOICE, now=cause.now
    )
    assert not quota.live


@pytest.mark.requirement("BKG-28", "BKG-30")
async def test_what_late_money_brings_back_counts_again_or_the_money_goes_back(
    details: AppointmentDetails, cause: Cause
) -> None:
    lapse = LapseAppointment(appointment_id=details.appointment_id, now=cause.now)
    (book,), quota = await follow_payment(details, cause, lapse)
    assert book.command == the_booking_of(details, cause.now)
    assert set(quota.live) == {details.appointment_id}
    (refuse,), quota = await follow_payment(details, cause, lapse, others=1)
    assert isinstance(refuse.command, RecordLatePayment)
    assert set(quota.live) == {UUID(int=100)}


def test_refused_money_brings_nothing_back_that_counts(
    details: AppointmentDetails, cause: Cause
) -> None:
    release = ReleaseQuota(patient_id=details.patient_id, appointment_id=details.appointment_id)
    refused = LatePaymentRefused(details=details, invoice_id=INVOICE)
    assert sent(follow(refused, cause)) == [("quotas", UUID(int=2), release)]


def test_an_expired_hold_ends_its_appointment(details: AppointmentDetails, cause: Cause) -> None:
    command = LapseAppointment(appointment_id=details.appointment_id, now=cause.now)
    assert sent(follow(SlotHoldExpired(details=details), cause)) == [
        ("appointments", UUID(int=1), command)
    ]


def test_a_cancelled_appointment_frees_its_slot_and_counts_no_more(
    details: AppointmentDetails, cause: Cause
) -> None:
    free = FreeSlot(appointment_id=details.appointment_id, starts_at=details.starts_at)
    release = ReleaseQuota(patient_id=details.patient_id, appointment_id=details.appointment_id)
    assert sent(follow(cancelled(details, "OTHER"), cause)) == [
        ("doctor_days", DAY, free),
        ("quotas", UUID(int=2), release),
    ]


@pytest.mark.parametrize("ended", [AppointmentCompleted, AppointmentNoShowMarked])
def test_an_appointment_whose_time_is_over_counts_no_more(
    details: AppointmentDetails, cause: Cause, ended: Any
) -> None:
    release = ReleaseQuota(patient_id=details.patient_id, appointment_id=details.appointment_id)
    assert sent(follow(ended(details=details), cause)) == [("quotas", UUID(int=2), release)]


@pytest.mark.requirement("BKG-30")
def test_a_lapsed_claim_stays_for_a_late_payment(details: AppointmentDetails, cause: Cause) -> None:
    dispatches = follow(cancelled(details, HOLD_EXPIRED), cause)
    assert [dispatch.to for dispatch in dispatches] == ["quotas"]


def test_an_appointment_is_open_until_it_is_reserved_or_ended(
    details: AppointmentDetails,
) -> None:
    requested = AppointmentRequested(details=replace(details))
    assert RESERVATION.starts[AppointmentRequested](requested) == str(UUID(int=1))
    for event, instance in RESERVATION.ends.items():
        sample = cancelled(details, "OTHER") if event is AppointmentCancelled else requested
        assert instance(sample) == str(UUID(int=1))

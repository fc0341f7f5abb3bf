"""What others hear of an appointment."""

from datetime import timedelta
from uuid import UUID

import pytest

from booking.domain.appointment import events as own
from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.events import SlotBooked
from booking.publishing import publish
from contracts import booking as public
from messaging import Cause
from vocabulary.ids import InvoiceId

INVOICE = InvoiceId(UUID(int=7))


def test_the_main_facts_repeat_what_everyone_needs(
    details: AppointmentDetails, cause: Cause
) -> None:
    told = publish(own.AppointmentRequested(details=details, booking_limit=1), cause.envelope)
    assert isinstance(told, public.AppointmentRequested)
    assert told.model_dump(mode="json", exclude_defaults=True) == {
        "appointment_id": str(UUID(int=1)),
        "patient_id": str(UUID(int=2)),
        "clinician_id": str(UUID(int=3)),
        "doctor_name": "Петрова Анна Ивановна",
        "specialty": "Терапевт",
        "branch_id": str(UUID(int=4)),
        "zone": "Europe/Moscow",
        "kind": "ONLINE",
        "service_id": str(UUID(int=5)),
        "starts_at": "2026-12-01T22:00:00Z",
        "ends_at": "2026-12-01T22:30:00Z",
        "payment_mode": "PAY_TO_BOOK",
    }


def test_each_fact_of_an_appointment_has_its_public_one(
    details: AppointmentDetails, cause: Cause
) -> None:
    cancelled = own.AppointmentCancelled(
        details=details,
        by=own.CancelledBy.PATIENT,
        reason="OTHER",
        was_reserved=True,
        lead_minutes=120,
        refund_eligible=True,
    )
    reserved = own.AppointmentReserved(details=details, payment_status=own.PaymentStatus.PAID)
    moved = own.AppointmentRescheduled(
        details=details,
        previous_starts_at=details.starts_at - timedelta(days=1),
        previous_ends_at=details.ends_at - timedelta(days=1),
        sequence=2,
        move=3,
    )
    told = {type(event): publish(event, cause.envelope) for event in (cancelled, reserved, moved)}
    assert told[own.AppointmentCancelled] == public.AppointmentCancelled(
        appointment_id=UUID(int=1),
        patient_id=UUID(int=2),
        clinician_id=UUID(int=3),
        starts_at=details.starts_at,
        by="PATIENT",
        reason="OTHER",
        was_reserved=True,
        lead_minutes=120,
        refund_eligible=True,
    )
    reservation = told[own.AppointmentReserved]
    assert isinstance(reservation, public.AppointmentReserved)
    assert reservation.payment_status == "PAID"
    move = told[own.AppointmentRescheduled]
    assert isinstance(move, public.AppointmentRescheduled)
    assert (move.previous_starts_at, move.sequence) == (moved.previous_starts_at, 2)
    late = own.LatePaymentRefused(details=details, invoice_id=INVOICE)
    assert publish(late, cause.envelope) == public.LatePaymentRefused(
        appointment_id=UUID(int=1), patient_id=UUID(int=2), invoice_id=INVOICE
    )
    done = own.AppointmentCompleted(details=details)
    assert publish(done, cause.envelope) == public.AppointmentCompleted(
        appointment_id=UUID(int=1), patient_id=UUID(int=2), clinician_id=UUID(int=3)
    )


@pytest.mark.parametrize("private", ["slot", "payment", "wish", "no show"])
def test_what_is_private_stays_inside(
    details: AppointmentDetails, cause: Cause, private: str
) -> None:
    event: object = {
        "slot": SlotBooked(details=details),
        "payment": own.AppointmentPaymentRecorded(details=details, invoice_id=INVOICE),
        "wish": own.AppointmentRescheduleRequested(
            details=details, request_id=UUID(int=8), requested_at=cause.now, move=1
        ),
        "no show": own.AppointmentNoShowMarked(details=details),
    }[private]
    assert publish(event, cause.envelope) is None

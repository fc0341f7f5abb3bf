"""An unconfirmed patient has a limited number of bookings per doctor (BKG-28)."""

from collections.abc import Sequence
from typing import assert_never

from booking.domain.patient_booking_quota.commands import (
    ClaimQuota,
    PatientBookingQuotaCommand,
    ReleaseQuota,
)
from booking.domain.patient_booking_quota.errors import UnconfirmedLimit
from booking.domain.patient_booking_quota.events import (
    BookingQuotaClaimed,
    BookingQuotaReleased,
    PatientBookingQuotaEvent,
)
from booking.domain.patient_booking_quota.state import PatientBookingQuota, evolve
from decider import Decider

__all__ = ["PATIENT_BOOKING_QUOTA", "decide"]


def decide(
    command: PatientBookingQuotaCommand, state: PatientBookingQuota
) -> Sequence[PatientBookingQuotaEvent]:
    match command:
        case ClaimQuota():
            return claim(command, state)
        case ReleaseQuota():
            return release(command, state)
        case _:
            assert_never(command)


def claim(command: ClaimQuota, state: PatientBookingQuota) -> Sequence[BookingQuotaClaimed]:
    ended = command.appointment_id in state.ended and not command.again
    if command.appointment_id in state.live or ended:
        return []
    if command.limit is not None and state.count(command.clinician_id) >= command.limit:
        raise UnconfirmedLimit(limit=command.limit)
    return [
        BookingQuotaClaimed(
            patient_id=command.patient_id,
            appointment_id=command.appointment_id,
            clinician_id=command.clinician_id,
        )
    ]


def release(command: ReleaseQuota, state: PatientBookingQuota) -> Sequence[BookingQuotaReleased]:
    if command.appointment_id not in state.live:
        return []
    return [
        BookingQuotaReleased(patient_id=command.patient_id, appointment_id=command.appointment_id)
    ]


PATIENT_BOOKING_QUOTA: Decider[
    PatientBookingQuotaCommand, PatientBookingQuota, PatientBookingQuotaEvent
] = Decider(initial=PatientBookingQuota(), decide=decide, evolve=evolve)

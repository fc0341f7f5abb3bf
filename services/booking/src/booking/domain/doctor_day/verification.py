"""A checker over the whole log: was a doctor's time ever given away twice? (BKG-26)"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.events import (
    DoctorDayEvent,
    SlotBooked,
    SlotFreed,
    SlotHeld,
    SlotHoldExpired,
    SlotHoldReleased,
)
from booking.domain.doctor_day.state import ClaimKey, claim_key
from vocabulary.ids import ClinicianId

__all__ = ["DoubleBooking", "find_double_bookings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleBooking:
    """Two appointments that claimed some of the same time of one doctor at the same moment."""

    first: AppointmentDetails
    second: AppointmentDetails


def find_double_bookings(events: Iterable[DoctorDayEvent]) -> Sequence[DoubleBooking]:
    """Every overlap of claims, from all events of all doctors' days, each day's in its order.

    It folds the facts by itself and shares no rule with the decider, so that one cannot hide the other's mistake.
    """
    claims: dict[ClinicianId, dict[ClaimKey, AppointmentDetails]] = {}
    owners: dict[ClaimKey, ClinicianId] = {}
    found: list[DoubleBooking] = []
    for event in events:
        match event:
            case SlotHeld(details=details) | SlotBooked(details=details):
                key = claim_key(details)
                owners[key] = details.clinician_id
                of_doctor = claims.setdefault(details.clinician_id, {})
                if key not in of_doctor:
                    found += [
                        DoubleBooking(first=other, second=details)
                        for other in of_doctor.values()
                        if other.period.overlaps(details.period)
                    ]
                of_doctor[key] = details
            case SlotHoldExpired(details=details):
                claims[details.clinician_id].pop(claim_key(details), None)
            case SlotHoldReleased() | SlotFreed():
                key = (event.appointment_id, event.starts_at)
                claims[owners[key]].pop(key, None)
            case _:
                pass
    return found

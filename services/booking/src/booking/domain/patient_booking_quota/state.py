"""What is remembered of a patient's bookings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from booking.domain.patient_booking_quota.events import (
    BookingQuotaClaimed,
    BookingQuotaReleased,
    PatientBookingQuotaEvent,
)
from vocabulary.ids import AppointmentId, ClinicianId

__all__ = ["PatientBookingQuota", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientBookingQuota:
    """What counts, and what has counted: a mere repeat of an ended appointment's claim does not count again."""

    live: Mapping[AppointmentId, ClinicianId] = field(default_factory=dict)
    ended: frozenset[AppointmentId] = frozenset()

    def count(self, clinician_id: ClinicianId) -> int:
        """How many bookings with this doctor there are."""
        return sum(doctor == clinician_id for doctor in self.live.values())


def evolve(state: PatientBookingQuota, event: PatientBookingQuotaEvent) -> PatientBookingQuota:
    match event:
        case BookingQuotaClaimed():
            return replace(state, live={**state.live, event.appointment_id: event.clinician_id})
        case BookingQuotaReleased(appointment_id=gone):
            live = {one: doctor for one, doctor in state.live.items() if one != gone}
            return replace(state, live=live, ended=state.ended | {gone})
        case _:
            assert_never(event)

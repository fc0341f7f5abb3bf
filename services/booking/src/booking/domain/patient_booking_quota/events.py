"""Facts of a patient's bookings with each doctor. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import AppointmentId, ClinicianId, PatientId

__all__ = [
    "STORED_NAMES",
    "BookingQuotaClaimed",
    "BookingQuotaReleased",
    "PatientBookingQuotaEvent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingQuotaClaimed:
    """An appointment counts."""

    patient_id: PatientId
    appointment_id: AppointmentId
    clinician_id: ClinicianId


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingQuotaReleased:
    """An appointment has ended and counts no more."""

    patient_id: PatientId
    appointment_id: AppointmentId


PatientBookingQuotaEvent = BookingQuotaClaimed | BookingQuotaReleased

STORED_NAMES: dict[type[PatientBookingQuotaEvent], str] = {
    BookingQuotaClaimed: "BookingQuotaClaimed.v1",
    BookingQuotaReleased: "BookingQuotaReleased.v1",
}

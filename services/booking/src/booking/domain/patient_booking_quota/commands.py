"""Wishes about a patient's bookings with each doctor."""

from dataclasses import dataclass

from vocabulary.ids import AppointmentId, ClinicianId, PatientId

__all__ = ["ClaimQuota", "PatientBookingQuotaCommand", "ReleaseQuota"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimQuota:
    """`limit` bookings with one doctor at most; None: any number. `again`: it had ended and is coming back."""

    patient_id: PatientId
    appointment_id: AppointmentId
    clinician_id: ClinicianId
    limit: int | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseQuota:
    patient_id: PatientId
    appointment_id: AppointmentId


PatientBookingQuotaCommand = ClaimQuota | ReleaseQuota

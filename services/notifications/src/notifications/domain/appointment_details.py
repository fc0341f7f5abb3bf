"""An appointment as messages tell of it: own copy of booking's facts."""

from dataclasses import dataclass
from datetime import datetime

from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId
from vocabulary.zone import ZoneId

__all__ = ["AppointmentDetails"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentDetails:
    """Who meets whom, when, where; `kind` is ONLINE or CLINIC, `zone` the branch's; `payable` with an invoice."""

    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId
    doctor_name: str
    specialty: str
    branch_id: BranchId
    zone: ZoneId
    kind: str
    starts_at: datetime
    ends_at: datetime
    payable: bool = True

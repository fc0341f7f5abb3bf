"""What an appointment is about: carried by the claim on a doctor's time and by the appointment itself."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from vocabulary.ids import AppointmentId, BranchId, ClinicianId, PatientId, ServiceId
from vocabulary.period import Period
from vocabulary.zone import ZoneId, utc_to_local

__all__ = ["AppointmentDetails", "AppointmentKind", "PaymentMode", "local_day_of"]


class AppointmentKind(StrEnum):
    """Where doctor and patient meet."""

    ONLINE = "ONLINE"
    CLINIC = "CLINIC"


class PaymentMode(StrEnum):
    """When money is due (BKG-31)."""

    PAY_TO_BOOK = "PAY_TO_BOOK"
    BOOK_THEN_PAY_TO_ENTER = "BOOK_THEN_PAY_TO_ENTER"
    FREE = "FREE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentDetails:
    """Who meets whom, when, where, for which service."""

    appointment_id: AppointmentId
    patient_id: PatientId
    clinician_id: ClinicianId
    doctor_name: str
    specialty: str
    branch_id: BranchId
    zone: ZoneId
    kind: AppointmentKind
    service_id: ServiceId
    starts_at: datetime
    ends_at: datetime
    payment_mode: PaymentMode

    @property
    def period(self) -> Period:
        """The doctor's time that it takes."""
        return Period(start=self.starts_at, end=self.ends_at)

    @property
    def day(self) -> date:
        """The date that the clocks of the branch show at its start."""
        return local_day_of(self.starts_at, self.zone)


def local_day_of(instant: datetime, zone: ZoneId) -> date:
    """The date in `zone` at an instant: which of a doctor's days it falls on."""
    return utc_to_local(instant, zone).date()

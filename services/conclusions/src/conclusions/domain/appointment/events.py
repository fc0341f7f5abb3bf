"""Facts of an appointment. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime

from vocabulary.ids import AppointmentId
from vocabulary.zone import ZoneId

__all__ = ["STORED_NAMES", "AppointmentEvent", "AppointmentRecorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRecorded:
    """An appointment is reserved, or at another time now."""

    appointment_id: AppointmentId
    starts_at: datetime
    zone: ZoneId


AppointmentEvent = AppointmentRecorded

STORED_NAMES: dict[type[AppointmentEvent], str] = {AppointmentRecorded: "AppointmentRecorded.v1"}

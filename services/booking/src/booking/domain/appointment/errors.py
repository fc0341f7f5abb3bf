"""Why an appointment does not become what was wished."""

from datetime import datetime
from typing import ClassVar

from decider import Rejection

__all__ = [
    "AppointmentAlreadyCancelled",
    "AppointmentAlreadyCompleted",
    "AppointmentAlreadyStarted",
    "AppointmentNoShow",
    "AppointmentNotBegun",
    "AppointmentNotFound",
    "EndsInItsRoom",
    "NotReserved",
    "PaidAppointmentNotCancellable",
    "RescheduleInProgress",
    "RescheduleTooLate",
]


class AppointmentNotFound(Rejection):
    code: ClassVar[str] = "APPOINTMENT_NOT_FOUND"


class AppointmentAlreadyCancelled(Rejection):
    code: ClassVar[str] = "APPOINTMENT_CANCELLED"


class AppointmentAlreadyCompleted(Rejection):
    """A completed appointment cannot be removed (BKG-48)."""

    code: ClassVar[str] = "APPOINTMENT_COMPLETED"


class AppointmentAlreadyStarted(Rejection):
    """Patients cancel and move upcoming appointments only, none that is due or taken in work by the doctor (BKG-48)."""

    code: ClassVar[str] = "APPOINTMENT_STARTED"


class AppointmentNoShow(Rejection):
    """It was not kept, which only the doctor or the clinic can take back, by cancelling (BKG-33, BIL-43)."""

    code: ClassVar[str] = "APPOINTMENT_NO_SHOW"


class AppointmentNotBegun(Rejection):
    """Before its start nobody knows whether it will be kept."""

    code: ClassVar[str] = "APPOINTMENT_NOT_BEGUN"

    def __init__(self, *, starts_at: datetime) -> None:
        super().__init__()
        self.starts_at = starts_at


class EndsInItsRoom(Rejection):
    """An online appointment ends with its consultation, not by anybody's word."""

    code: ClassVar[str] = "ENDS_IN_ITS_ROOM"


class NotReserved(Rejection):
    """It is not booked, so it cannot be moved, completed or missed."""

    code: ClassVar[str] = "NOT_RESERVED"


class PaidAppointmentNotCancellable(Rejection):
    """By the policy UNPAID_ONLY a paid appointment goes through the clinic, to be moved too (BKG-49, BKG-51)."""

    code: ClassVar[str] = "PAID_APPOINTMENT_NOT_CANCELLABLE"


class RescheduleTooLate(Rejection):
    """The window in which an appointment may be moved has closed (BKG-51)."""

    code: ClassVar[str] = "RESCHEDULE_TOO_LATE"

    def __init__(self, *, allowed_until: datetime) -> None:
        super().__init__()
        self.allowed_until = allowed_until


class RescheduleInProgress(Rejection):
    """Another move of this appointment is not decided yet."""

    code: ClassVar[str] = "RESCHEDULE_IN_PROGRESS"

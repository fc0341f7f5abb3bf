"""Why a consultation does not become what was wished."""

from datetime import datetime
from typing import ClassVar

from decider import Rejection
from vocabulary.ids import AppointmentId

__all__ = ["NotAssignedDoctor", "NotInWork", "PaymentRequired", "TooEarly"]


class PaymentRequired(Rejection):
    """Nobody enters an unpaid room; the invoice is the appointment's (ROOM-16, BIL-45)."""

    code: ClassVar[str] = "PAYMENT_REQUIRED"

    def __init__(self, *, appointment_id: AppointmentId) -> None:
        super().__init__()
        self.appointment_id = appointment_id


class NotAssignedDoctor(Rejection):
    """Only the doctor of the appointment takes and ends its consultation (ROOM-08)."""

    code: ClassVar[str] = "NOT_ASSIGNED_DOCTOR"


class TooEarly(Rejection):
    """Not within the minutes before the planned start that the policy gives (ROOM-07)."""

    code: ClassVar[str] = "TOO_EARLY"

    def __init__(self, *, allowed_at: datetime) -> None:
        super().__init__()
        self.allowed_at = allowed_at


class NotInWork(Rejection):
    """What was never taken cannot be completed, and its doctor does not speak in it yet (ROOM-08)."""

    code: ClassVar[str] = "NOT_IN_WORK"

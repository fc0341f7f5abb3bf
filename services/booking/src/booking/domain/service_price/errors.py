"""Why a service is not had."""

from typing import ClassVar

from decider import Rejection

__all__ = ["ServiceNotForAppointment"]


class ServiceNotForAppointment(Rejection):
    """The price list ties it to other doctors, or to another kind of appointment (BIL-01)."""

    code: ClassVar[str] = "SERVICE_NOT_FOR_APPOINTMENT"

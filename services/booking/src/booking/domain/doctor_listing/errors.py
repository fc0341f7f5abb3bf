"""Why a listing does not become what was wished."""

from typing import ClassVar

from decider import Rejection

__all__ = ["DoctorNotFound"]


class DoctorNotFound(Rejection):
    code: ClassVar[str] = "DOCTOR_NOT_FOUND"

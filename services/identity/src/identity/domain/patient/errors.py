"""Why a patient's card is not changed."""

from typing import ClassVar

from decider import Rejection

__all__ = ["UnknownPatient"]


class UnknownPatient(Rejection):
    """There is no such patient."""

    code: ClassVar[str] = "PATIENT_UNKNOWN"

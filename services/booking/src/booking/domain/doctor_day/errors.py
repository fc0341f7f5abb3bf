"""Why a doctor's time is not given away."""

from typing import ClassVar

from decider import Rejection

__all__ = ["SlotInPast", "SlotNotHeld", "SlotNotOffered", "SlotTaken"]


class SlotTaken(Rejection):
    """Another claim covers some of this time (BKG-26)."""

    code: ClassVar[str] = "SLOT_TAKEN"


class SlotNotOffered(Rejection):
    """No active template offers exactly this time for this kind of appointment."""

    code: ClassVar[str] = "SLOT_NOT_OFFERED"


class SlotInPast(Rejection):
    """The slot has begun."""

    code: ClassVar[str] = "SLOT_IN_PAST"


class SlotNotHeld(Rejection):
    """There is no claim to book: it was given up, or never made."""

    code: ClassVar[str] = "SLOT_NOT_HELD"

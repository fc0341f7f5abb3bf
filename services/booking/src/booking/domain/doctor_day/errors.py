"""Why a doctor's time is not given away."""

from typing import ClassVar

from booking.domain.doctor_day.events import Slot
from decider import Rejection

__all__ = ["SlotInPast", "SlotNotHeld", "SlotNotOffered", "SlotTaken", "SlotUnavailable"]


class SlotUnavailable(Rejection):
    """This time cannot be had; what says why is the subclass."""


class SlotTaken(SlotUnavailable):
    """Another claim covers some of this time (BKG-26); these are the slots still free on that day."""

    code: ClassVar[str] = "SLOT_TAKEN"

    def __init__(self, *, free_slots: tuple[Slot, ...]) -> None:
        super().__init__()
        self.free_slots = free_slots


class SlotNotOffered(SlotUnavailable):
    """No active template offers exactly this time for this kind of appointment."""

    code: ClassVar[str] = "SLOT_NOT_OFFERED"


class SlotInPast(SlotUnavailable):
    """The slot has begun."""

    code: ClassVar[str] = "SLOT_IN_PAST"


class SlotNotHeld(SlotUnavailable):
    """There is no claim to book: it was given up, or never made."""

    code: ClassVar[str] = "SLOT_NOT_HELD"

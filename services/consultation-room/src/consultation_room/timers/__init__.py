"""Deadlines of consultations."""

from typing import Final

from consultation_room.timers.expiry import EXPIRY
from timers import timers_view

__all__ = ["DEADLINES", "TIMERS"]

DEADLINES: Final = (EXPIRY,)
TIMERS: Final = timers_view(DEADLINES)

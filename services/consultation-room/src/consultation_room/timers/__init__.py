"""Deadlines of consultations."""

from typing import Final

from consultation_room.timers.expiry import EXPIRY

__all__ = ["DEADLINES"]

DEADLINES: Final = (EXPIRY,)

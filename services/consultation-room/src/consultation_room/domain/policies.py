"""What a tenant may settle for itself about its consultations; every change is an event with its version."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["FileType", "RoomPolicies"]

FileType = Literal["pdf", "doc", "docx", "zip", "png", "jpg", "xls", "xlsx", "txt"]

_AS_WITH_BOOKINGS: tuple[FileType, ...] = ("pdf", "doc", "docx", "zip", "png", "jpg")
"""What may be attached to a booking (CON-56); jpeg is jpg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPolicies:
    """Defaults as in the requirements' table of configurable policies.

    `max_files` is for each side of one consultation (ROOM-26). `call_centre_phones` is how patients book
    examinations (ROOM-23); without one the message that would name them is left out.
    `no_show_minutes` after the planned end an untaken consultation expires; None, the default, leaves it upcoming
    until somebody starts or cancels it (ROOM-05).
    """

    take_lead_minutes: int = 15
    file_types: tuple[FileType, ...] = _AS_WITH_BOOKINGS
    max_file_megabytes: int = 50
    max_files: int = 10
    conclusion_due_hours: int = 24
    call_centre_phones: tuple[str, ...] = ()
    no_show_minutes: int | None = None

    def __post_init__(self) -> None:
        bounds = {
            "take_lead_minutes": (0, 24 * 60),
            "max_file_megabytes": (1, 100),
            "max_files": (0, 100),
            "conclusion_due_hours": (1, 30 * 24),
            "no_show_minutes": (0, 30 * 24 * 60),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} is between {least} and {most}")
        if any(not 2 <= len(phone) <= 40 for phone in self.call_centre_phones):
            raise ValueError("a phone number has 2 to 40 characters")

"""Why a schedule template is not what was wished."""

from typing import ClassVar

from decider import Rejection
from vocabulary.ids import TemplateId

__all__ = [
    "CellOffGrid",
    "CellOutsideHours",
    "FirstAfterLast",
    "LastAppointmentTooLate",
    "TemplateActive",
    "TemplateIncomplete",
    "TemplateInvalid",
    "TemplateNameMissing",
    "TemplateNotFound",
    "TemplatesOverlap",
    "ValidityReversed",
]


class TemplateNotFound(Rejection):
    code: ClassVar[str] = "TEMPLATE_NOT_FOUND"


class TemplateActive(Rejection):
    """It offers slots, so it is switched off before it is edited."""

    code: ClassVar[str] = "TEMPLATE_ACTIVE"


class TemplatesOverlap(Rejection):
    """Another active template offers some of the same time on the same day."""

    code: ClassVar[str] = "TEMPLATES_OVERLAP"

    def __init__(self, *, template_id: TemplateId, name: str) -> None:
        super().__init__()
        self.template_id, self.name = template_id, name


class TemplateInvalid(Rejection):
    """The template contradicts itself; what says how is the subclass."""


class TemplateNameMissing(TemplateInvalid):
    """BKG-60."""

    code: ClassVar[str] = "TEMPLATE_NAME_MISSING"


class TemplateIncomplete(TemplateInvalid):
    """It names no weekday, or no kind of appointment."""

    code: ClassVar[str] = "TEMPLATE_INCOMPLETE"


class ValidityReversed(TemplateInvalid):
    code: ClassVar[str] = "VALIDITY_REVERSED"


class FirstAfterLast(TemplateInvalid):
    """BKG-59."""

    code: ClassVar[str] = "FIRST_AFTER_LAST"


class LastAppointmentTooLate(TemplateInvalid):
    """Less than 15 minutes before the end of the working day (BKG-59)."""

    code: ClassVar[str] = "LAST_APPOINTMENT_TOO_LATE"


class CellOffGrid(TemplateInvalid):
    """Cells begin at :00, :15, :30 and :45, and each is ticked once (BKG-58)."""

    code: ClassVar[str] = "CELL_OFF_GRID"


class CellOutsideHours(TemplateInvalid):
    """A cell is ticked before the first or after the last appointment."""

    code: ClassVar[str] = "CELL_OUTSIDE_HOURS"

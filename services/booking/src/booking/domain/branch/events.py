"""Facts of a branch. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import BranchId
from vocabulary.zone import ZoneId

__all__ = ["STORED_NAMES", "BranchEvent", "BranchRecorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRecorded:
    """A branch of the clinic is there, or is described otherwise now."""

    branch_id: BranchId
    name: str
    address: str
    phone: str
    zone: ZoneId


BranchEvent = BranchRecorded

STORED_NAMES: dict[type[BranchEvent], str] = {BranchRecorded: "BranchRecorded.v1"}

"""What is remembered of a branch: its last description."""

from booking.domain.branch.events import BranchEvent, BranchRecorded

__all__ = ["Branch", "evolve"]

Branch = BranchRecorded | None


def evolve(_state: Branch, event: BranchEvent) -> Branch:
    return event

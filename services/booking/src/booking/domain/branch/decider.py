"""A branch is recorded once per change."""

from collections.abc import Sequence

from booking.domain.branch.commands import BranchCommand
from booking.domain.branch.events import BranchEvent
from booking.domain.branch.state import Branch, evolve
from decider import Decider

__all__ = ["BRANCH", "decide"]


def decide(command: BranchCommand, state: Branch) -> Sequence[BranchEvent]:
    return [] if command.branch == state else [command.branch]


BRANCH: Decider[BranchCommand, Branch, BranchEvent] = Decider(
    initial=None, decide=decide, evolve=evolve
)
